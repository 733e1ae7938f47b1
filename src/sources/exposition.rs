//! The text form in which systems show their metrics (Prometheus, and `OpenMetrics`).
//! Takes: a page. Gives: its samples. Never: lets a line that cannot be read hide the others.

use std::borrow::Cow;

/// Names and values.
type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// One line with a number.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    labels: Labels<'a>,
    pub(super) value: f64,
}

impl Sample<'_> {
    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(held, _)| *held == name).map(|(_, value)| &**value)
    }
}

/// All lines with a number.
pub(super) fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    page.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    let end = line.find(|c: char| !is_of_name(c)).filter(|end| *end > 0)?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // A time, or an example, may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

/// Names and values as far as the brace that ends them, and what follows it.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || !name.chars().all(is_of_name) {
            return None;
        }
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name, value));
        rest = after.trim_start();
        // The last one may be followed by a comma, too.
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// The text as far as its closing quote, and what follows that.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = Cow::Borrowed("");
    let mut from = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let whole = if from == 0 { Cow::Borrowed(&text[..at]) } else { value + &text[from..at] };
                return Some((whole, &text[at + 1..]));
            }
            '\\' => {
                let (escaped, c) = chars.next()?;
                let meant = match c {
                    'n' => "\n",
                    '"' => "\"",
                    '\\' => "\\",
                    // No escape: it stands for itself, with its stroke.
                    _ => &text[at..escaped + c.len_utf8()],
                };
                value = value + &text[from..at] + meant;
                from = escaped + c.len_utf8();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(&'static str, &'static str)];

    #[test]
    fn every_legal_line_is_read() {
        let lines: [(&str, &str, Pairs, f64); 7] = [
            ("up 1", "up", &[], 1.0),
            ("  a:b_c{}\t2.5e3 1790000000000", "a:b_c", &[], 2500.0),
            (r#"m{a="1", b = "2" , c="3",} 4"#, "m", &[("a", "1"), ("b", "2"), ("c", "3")], 4.0),
            (r#"m {a="x,y=z}{"} -1"#, "m", &[("a", "x,y=z}{")], -1.0),
            (r#"m{a="say \"hi\"\n\\ \d",b=""} 0"#, "m", &[("a", "say \"hi\"\n\\ \\d"), ("b", "")], 0.0),
            (r#"m{a="naïve – ✓"} 7 # {trace_id="x"} 0.5"#, "m", &[("a", "naïve – ✓")], 7.0),
            (r#"m_bucket{le="+Inf"} +Inf"#, "m_bucket", &[("le", "+Inf")], f64::INFINITY),
        ];
        for (line, name, labels, value) in lines {
            let sample = sample(line).expect(line);
            let told: Vec<_> = sample.labels.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!((sample.name, told.as_slice(), sample.value), (name, labels, value), "{line}");
        }
        assert!(sample("m NaN").is_some_and(|sample| sample.value.is_nan()));
    }

    #[test]
    fn what_is_no_sample_hides_no_other() {
        let broken = [
            "",
            "# HELP m what it is",
            "# EOF",
            "<html>",
            "m",
            "m{",
            "m{} ",
            "m{a=\"1\" 3",
            "m{a=\"1} 3",
            "m{a=1} 3",
            "m{a} 3",
            "m{=\"1\"} 3",
            "m{a=\"1\"b=\"2\"} 3",
            "m{a=\"\\",
            "m x",
            "é 1",
        ];
        for line in broken {
            assert!(sample(line).is_none(), "{line}");
        }
        let page = format!("{}\nup 1\n", broken.join("\n"));
        assert_eq!(samples(&page).map(|sample| sample.name).collect::<Vec<_>>(), ["up"]);
    }

    proptest::proptest! {
        #[test]
        fn any_value_comes_back_and_no_page_breaks_it(value in "\\PC*", garbage in "\\PC*") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let line = format!("m{{a=\"{escaped}\", b=\"2\"}} 1");
            let sample = sample(&line).expect("a sample");
            proptest::prop_assert_eq!(sample.label("a"), Some(&*value));
            proptest::prop_assert_eq!(sample.label("b"), Some("2"));
            samples(&garbage).for_each(drop);
            samples(&format!("m{{{garbage}")).for_each(drop);
        }
    }
}

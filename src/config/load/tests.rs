//! The default file is valid and complete; every problem is told, with its line.

use super::*;

fn lines(text: &str, variables: &[(&str, &str)]) -> String {
    let variables: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    load_text("fleetscope.toml", text, &variables).expect_err("has problems").to_string()
}

#[test]
fn the_default_file_gives_the_default() {
    let read = load_text("default", &default_file(), &[]).expect("valid");
    assert_eq!(read, Config::default());
}

#[test]
fn every_problem_is_told_with_file_line_and_remedy() {
    let told =
        lines("[nats]\nurll = \"nats://h\"\nack_tap = \"yes\"\n\n[journal]\nretain_age = \"soon\"\n[nast]\n", &[]);
    assert!(told.contains("4 problems"), "{told}");
    assert!(told.contains("fleetscope.toml:2: nats.urll: unknown key; did you mean `url`?"), "{told}");
    assert!(told.contains("fleetscope.toml:3: nats.ack_tap: write true or false"), "{told}");
    assert!(told.contains("fleetscope.toml:6: journal.retain_age: `soon` is no duration"), "{told}");
    assert!(told.contains("fleetscope.toml:7: nast: unknown section; did you mean `nats`?"), "{told}");
}

#[test]
fn a_syntax_error_has_its_line() {
    let told = lines("[nats]\nurl = \n", &[]);
    assert!(told.contains("fleetscope.toml:2: syntax"), "{told}");
}

#[test]
fn variables_override_the_file_and_are_checked_alike() {
    let set = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
    let config =
        load_text("f", "[nats]\nurl = \"nats://a\"\n", &set("FLEETSCOPE_NATS__URL", "nats://b")).expect("valid");
    assert_eq!(config.nats.url.as_deref(), Some("nats://b"));
    let told = lines("", &[("FLEETSCOPE_NATS__ULR", "x"), ("FLEETSCOPE_OTLP__SETTLE", "never")]);
    assert!(told.contains("FLEETSCOPE_NATS__ULR: unknown key; did you mean `FLEETSCOPE_NATS__URL`?"), "{told}");
    assert!(told.contains("FLEETSCOPE_OTLP__SETTLE: `never` is no duration"), "{told}");
}

#[test]
fn an_open_address_needs_tokens() {
    let told = lines("[http]\nlisten = \"0.0.0.0:8080\"\n", &[]);
    assert!(told.contains("fleetscope.toml:2: http.listen"), "{told}");
    assert!(told.contains("tokens_file"), "{told}");
}

#[test]
fn all_kinds_of_problems_are_told_in_one_round() {
    let told = lines(
        "[nats]\nurll = \"x\"\nbatch = 0\n[http]\nlisten = \"0.0.0.0:1\"\n",
        &[("FLEETSCOPE_OTLP__IN_FLIGHT", "x")],
    );
    assert!(told.contains("4 problems"), "{told}");
    for part in
        [":2: nats.urll: unknown", ":3: nats.batch: 0 is out", ":5: http.listen: reachable", "OTLP__IN_FLIGHT: "]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    let told = lines("[nats]\nbatch = 0\nurl = \n", &[("FLEETSCOPE_HTTP__LISTEN", "0.0.0.0:1")]);
    assert!(told.contains("1 problem ") && told.contains("syntax"), "what stands further down is not missing: {told}");
}

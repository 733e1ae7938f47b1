//! Planted secrets are masked wherever they stand; what is no secret stays.

use std::borrow::Cow;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// Secrets of each kind, put together here so that no scanner of sources trips over them.
fn secrets() -> Vec<(&'static str, String)> {
    let letters = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fG";
    let upper = "ABCD2345EFGH6789";
    let jwt = format!("eyJ{letters}.eyJ{letters}.{letters}");
    let pem = |newline: &str| {
        format!(
            "-----BEGIN PRIVATE KEY-----{newline}MIIE{letters}{newline}{letters}==={newline}-----END PRIVATE KEY-----"
        )
    };
    vec![
        ("openai", format!("sk-{letters}")),
        ("openai project", format!("sk-proj-{letters}_-{letters}")),
        ("github", format!("ghp_{letters}")),
        ("github oauth", format!("gho_{letters}")),
        ("github fine", format!("github_pat_{letters}_{letters}")),
        ("gitlab", format!("glpat-{letters}")),
        ("slack", format!("xoxb-1234-5678-{letters}")),
        ("aws", format!("AKIA{upper}")),
        ("aws session", format!("ASIA{upper}")),
        ("google", format!("AIza{letters}ab-")),
        ("hugging face", format!("hf_{letters}")),
        ("npm", format!("npm_{letters}")),
        ("stripe", format!("sk_live_{letters}")),
        ("jwt", jwt),
        ("pem", pem("\n")),
        ("pem escaped", pem("\\n")),
        ("bearer", format!("Bearer {letters}")),
        ("basic", "Basic dXNlcjpodW50ZXIyMg==".to_owned()),
        ("url", format!("postgres://app:{letters}@db:5432/fleet")),
        ("url with slash", format!("amqp://app:{letters}/x@mq:5672/")),
        ("redis", format!("redis://:{letters}@valkey:6379/0")),
        ("assignment", format!("password={letters}")),
        ("yaml", format!("api_key: {letters}")),
        ("quoted", format!("token = '{letters}'")),
        ("flag", format!("--client-secret {letters}")),
        ("query", format!("https://h/x?access_token={letters}&y=1")),
        ("base64 json", format!("eyJ{letters}{letters}")),
        ("base64 pem", format!("LS0tLS1CRUdJTi{letters}")),
    ]
}

/// The part of a secret that must be gone.
const CORE: &[&str] = &["aB3dE6gH9jK2mN5p", "ABCD2345EFGH6789", "dXNlcjpodW50"];

fn masker() -> Masker {
    Masker::new(Content::Summary, 1 << 20)
}

fn body(text: &str) -> String {
    let payload = masker().body(Bytes::copy_from_slice(text.as_bytes()));
    String::from_utf8(payload.bytes.to_vec()).expect("text stays text")
}

fn assert_clean(masked: &str, what: &str) {
    for core in CORE {
        assert!(!masked.contains(core), "{what}: {masked}");
    }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

/// JSON text with every ASCII character of its strings written as an escape.
fn escaped(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { format!("\\u{:04x}", c as u32) } else { c.to_string() }).collect()
}

#[test]
fn every_kind_is_masked_in_every_position() {
    for (what, secret) in secrets() {
        let quoted = json(&secret);
        let inside = json(&format!("it said {secret} and then stopped, ñ"));
        let nested = json(&format!("{{\"a\": {quoted}, \"b\": [{inside}]}}"));
        let deeper = json(&format!("{{\"raw\": {nested}}}"));
        for text in [
            format!("{{\"value\":{quoted}}}"),
            format!("{{{quoted}:1}}"),
            format!("{{\"a\":{{\"b\":[1,{{\"c\":{quoted}}}]}}}}"),
            format!("{{\"a\":{inside},\"z\":[true]}}"),
            format!("{{\"raw\":{nested}}}"),
            format!("{{\"raw\":{deeper}}}"),
            format!("{{\"raw\":\"{}\"}}", escaped(&secret)),
        ] {
            serde_json::from_str::<serde_json::Value>(&text).expect("the test makes JSON");
            let masked = body(&text);
            assert_clean(&masked, what);
            serde_json::from_str::<serde_json::Value>(&masked).unwrap_or_else(|e| panic!("{what}: {e}: {masked}"));
        }
        for text in [secret.clone(), format!("line\n{secret}\nline"), format!("say \"{secret}\".")] {
            assert_clean(&masker().text(&text), what);
            assert_clean(&body(&text), what);
        }
    }
}

#[test]
fn a_secret_by_name_is_masked_whatever_it_is() {
    let names = [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "apiKey",
        "authorization",
        "Authorization",
        "private_key",
        "access_key",
        "client_secret",
        "credential",
        "credentials",
        "DB_PASSWORD",
        "github-token",
        "x-api-key",
        "aws_secret_access_key",
        "refreshToken",
    ];
    let values = [
        "\"hunter2\"",
        "\"hun\\\"hunter2\"",
        "\"hunter2\\\\\"",
        "12345678",
        "[\"hunter2\",1]",
        "{\"x\":{\"y\":\"hunter2]}\"}}",
        "\"caf\\u00e9 hunter2\"",
    ];
    for name in names {
        for value in values {
            for text in [
                format!("{{\"{name}\":{value},\"keep\":\"this\"}}"),
                format!("{{\"a\":[{{\"{name}\" :\n {value}}}],\"keep\":\"this\"}}"),
                format!("{{\"raw\":{},\"keep\":\"this\"}}", json(&format!("{{\"{name}\": {value}}}"))),
                format!("{{\"{}\":{value},\"keep\":\"this\"}}", escaped(name)),
            ] {
                let masked = body(&text);
                assert!(!masked.contains("hunter2") && !masked.contains("12345678"), "{text} → {masked}");
                let tree: serde_json::Value =
                    serde_json::from_str(&masked).unwrap_or_else(|e| panic!("{e}: {text} → {masked}"));
                assert_eq!(tree["keep"], "this", "{masked}");
            }
        }
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    for text in [
        r#"{"tokens":812,"max_tokens":5,"token_count":3,"total_tokens":1}"#,
        r#"{"a":"task-extraction task-derivation-service disk-abcdefghijklmnopqrstuvwx"}"#,
        r#"{"url":"https://example.org:8443/app.git","at":"po@example.com"}"#,
        r#"{"token":null,"secret":"","password":false}"#,
        r#"{"a":"the password:","b":"c"}"#,
        r#"{"a":"password=","b":"c"}"#,
        r#"{"a":"say \"password\":","b":"c"}"#,
        r#"{"a":"Basic authentication and bearer certificates","b":"Basic Auth."}"#,
        r#"{"type":"token","value":"x"}"#,
        r#"{"a":"npm_config_registry hf_hub_download","b":"Asia"}"#,
        r#"{"idempotency_key":"e2bb77bba290ec949426d71b26d1b7a4a8502dd8fdcbc9595b509ee6a5a60c91"}"#,
        "plain text",
        "",
    ] {
        let given = Bytes::copy_from_slice(text.as_bytes());
        let payload = masker().body(given.clone());
        assert_eq!(payload.masked, 0, "{:?}", payload.bytes);
        assert_eq!(payload.bytes, given);
        assert_eq!(payload.bytes.as_ptr(), given.as_ptr(), "no copy of {text}");
        assert!(matches!(masker().text(text), Cow::Borrowed(_)));
    }
}

#[test]
fn samples_of_the_fleet_hold_no_secret() {
    for line in include_str!("../../tests/fixtures/nats/fleet.jsonl").lines() {
        let payload = masker().body(Bytes::from_static(line.as_bytes()));
        assert_eq!((payload.masked, &payload.bytes[..]), (0, line.as_bytes()));
    }
}

#[test]
fn masking_twice_is_masking_once() {
    for (what, secret) in secrets() {
        for text in [format!("{{\"password\":{}}}", json(&secret)), format!("{{\"a\":{}}}", json(&secret))] {
            let once = masker().body(Bytes::from(text));
            let twice = masker().body(once.bytes.clone());
            assert_eq!((twice.masked, twice.bytes), (0, once.bytes), "{what}");
        }
    }
}

#[test]
fn replacements_are_counted_and_named() {
    let payload = masker().body(Bytes::from_static(br#"{"password":"x y","url":"nats://a:b@c","n":1.50}"#));
    assert_eq!(payload.masked, 2);
    assert_eq!(&payload.bytes[..], br#"{"password":"[masked:secret]","url":"nats://a:[masked:password]@c","n":1.50}"#);
    assert_eq!(masker().text("Authorization: Bearer abc"), "Authorization: [masked:authorization]");
}

#[test]
fn escapes_are_undone_without_changing_the_rest() {
    let given = r#"{"z":1.500,"a":"\u0070assword=hunter2 \u00e9 \n \"q\" \\ C:\\u","url":"http:\/\/u:pw\u0064@h"}"#;
    let masked = body(given);
    assert_eq!(
        masked,
        r#"{"z":1.500,"a":"password=[masked:secret] \u00e9 \n \"q\" \\ C:\\u","url":"http://u:[masked:password]@h"}"#
    );
    assert_eq!(
        body(r#"{"a":"\u0022password\u0022: \u0022hunter2\u0022 \u005c"}"#),
        r#"{"a":"\"password\": \"[masked:secret]\" \\"}"#
    );
    assert_eq!(body(r#"{"a":"\u001b[31m\u0041"}"#), r#"{"a":"\u001b[31m\u0041"}"#, "nothing found: as it came");
}

#[test]
fn prompts_and_answers_can_be_withheld() {
    let masker = Masker::new(Content::None, 1 << 20);
    let given = r#"{"payload":{"task_description":"PROMPT","proposal":{"content":"ANSWER","reasoning":"ANSWER \"x\"","tokens":7},"agent_deliberations":[{"role":"QA","proposal":"{\"content\":\"ANSWER\"}"}],"results":[{"proposal":{"content":"ANSWER"}}],"tasks":[{"description":"stays"}],"content":"stays"}}"#;
    let payload = masker.body(Bytes::from_static(given.as_bytes()));
    let text = std::str::from_utf8(&payload.bytes).expect("text");
    assert!(!text.contains("ANSWER") && !text.contains("PROMPT"), "{text}");
    assert_eq!(payload.masked, 5);
    let tree: serde_json::Value = serde_json::from_str(text).expect("stays JSON");
    assert_eq!(tree["payload"]["proposal"]["content"], "[content withheld]");
    assert_eq!(tree["payload"]["proposal"]["tokens"], 7);
    assert_eq!(tree["payload"]["tasks"][0]["description"], "stays");
    assert_eq!(tree["payload"]["content"], "stays");
    assert_eq!(&masker.body(Bytes::from_static(b"free text")).bytes[..], b"[content withheld]");
    let kept = Masker::new(Content::Summary, 1 << 20).body(Bytes::from_static(given.as_bytes()));
    assert_eq!(&kept.bytes[..], given.as_bytes());
}

#[test]
fn a_long_body_is_cut_on_a_character() {
    let masker = Masker::new(Content::Summary, 1025);
    let payload = masker.body(Bytes::from("ñ".repeat(1000)));
    assert_eq!((payload.bytes.len(), payload.truncated), (1024, true));
    let huge = masker.body(Bytes::from(vec![b'x'; MAX_BODY + 1]));
    assert_eq!((huge.bytes.len(), huge.truncated), (1025, true));
    let binary = masker.body(Bytes::from(vec![0x80; 4096]));
    assert!(binary.truncated && binary.bytes.len() <= 1025);
}

#[test]
fn a_secret_across_the_cut_is_masked() {
    let (_, secret) = secrets().swap_remove(0);
    let masker = Masker::new(Content::Summary, 1024);
    for lead in 1000..1024 {
        let payload = masker.body(Bytes::from(format!("{} {secret}", "x".repeat(lead))));
        let text = String::from_utf8_lossy(&payload.bytes);
        assert!(!text.contains("sk-a"), "{text}");
    }
}

#[test]
fn two_bytes_a_character_hide_nothing() {
    let wide: Vec<u8> = "password=hunter2".bytes().flat_map(|b| [b, 0]).collect();
    assert_eq!(body(std::str::from_utf8(&wide).expect("ASCII")), "password=[masked:secret]");
}

#[test]
fn hostile_repetition_is_read_once() {
    // Read again from every place, each of these would take minutes.
    for piece in [
        "://",
        "://x:y/",
        "://a@",
        "eyJ",
        "eyJ.",
        "-eyJ",
        "password=[masked:",
        "password='[masked:",
        "-----BEGIN ",
        "bearer=",
        "sk-",
        "token ",
        "token\\\\",
        "\"proposal\":{",
        "\"secret\":[",
        "\\\"",
        "AKIA",
        "password=\"",
        "basic ",
        "token:{",
    ] {
        let text = piece.repeat((1 << 18) / piece.len());
        masker().text(&text);
        for text in [text.clone(), json(&text), format!("{{\"a\":{}}}", json(&text))] {
            Masker::new(Content::None, 1 << 20).body(Bytes::from(text));
        }
    }
}

/// Any JSON, with words that mean something to the masker strewn in.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop_oneof![
        any::<String>(),
        r#"[ a-z"\\'{}\[\],:=/@.-]{0,12}(password|token|secret|api_key|://|eyJ|sk-|Bearer |-----BEGIN |proposal|content)[ a-z0-9"\\'{}\[\],:=/@.-]{0,16}"#,
        Just("password".to_owned()),
        Just("proposal".to_owned()),
        Just("content".to_owned()),
        Just("\\".repeat(3)),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        word.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((word.clone(), inner.clone()), 0..6)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            // JSON as a string within JSON.
            inner.prop_map(|value| value.to_string().into()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..512), max in 1_usize..600) {
        for content in [Content::None, Content::Summary] {
            let payload = Masker::new(content, max).body(Bytes::from(bytes.clone()));
            prop_assert!(payload.bytes.len() <= max);
        }
    }

    #[test]
    fn any_text_near_a_sign_is_survived(text in r#"([ "'\\{}\[\]:=/@a-z.-]|\\\\u00[0-7][0-9a-f]|password|://|eyJ|\n|ñ|Bearer |sk-|-----BEGIN ){0,60}"#) {
        masker().text(&text);
        Masker::new(Content::None, 64).body(Bytes::from(text));
    }

    #[test]
    fn json_stays_json(value in any_json(), pretty in any::<bool>(), escape in any::<bool>()) {
        let mut text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("JSON");
        if escape {
            text = text.replace('s', "\\u0073").replace('/', "\\/");
            prop_assume!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
        for content in [Content::None, Content::Summary] {
            let payload = Masker::new(content, 1 << 20).body(Bytes::from(text.clone()));
            let masked = std::str::from_utf8(&payload.bytes).expect("text stays text");
            prop_assert!(serde_json::from_str::<serde_json::Value>(masked).is_ok(), "{} → {}", text, masked);
        }
    }

    #[test]
    fn a_planted_secret_is_never_kept(
        before in "[ a-z,;:ñ\n\"]{0,24}", after in "[ ,;\n\"][ a-z,;:ñ\"]{0,24}", which in 0_usize..28, levels in 0..4
    ) {
        let (what, secret) = secrets().swap_remove(which);
        let mut text = format!("{before} {secret}{after}");
        for _ in 0..levels {
            text = format!("{{\"text\": {}}}", json(&text));
        }
        let masked = body(&text);
        for core in CORE {
            prop_assert!(!masked.contains(core), "{}: {} → {}", what, text, masked);
        }
        for core in CORE {
            prop_assert!(!masker().text(&text).contains(core), "{}: {}", what, text);
        }
    }
}

//! The list of routes for people.
//! Takes: the OpenAPI document. Gives: HTML without script. Never: says what the document does not.

use std::fmt::Write as _;

use serde_json::Value;

/// Makes the page.
pub(super) fn page() -> String {
    let document: Value = serde_json::from_str(&crate::api::openapi()).expect("the document is JSON");
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Fleetscope API</title>\n\
         <link rel=\"icon\" href=\"icon.svg\">\n<link rel=\"stylesheet\" href=\"style.css\">\n</head>\n\
         <body class=\"docs\">\n<header><h1>Fleetscope API</h1><a href=\"./\">Live page</a></header>\n<main>\n",
    );
    let about = &document["info"]["description"];
    add(&mut out, "p", about);
    out.push_str("<p>For programs: <a href=\"openapi.json\">openapi.json</a></p>\n");
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, route) in methods.as_object().into_iter().flatten() {
            let _ = writeln!(out, "<section><h2><code>{} {}</code></h2>", method.to_uppercase(), escaped(path));
            add(&mut out, "p", &route["summary"]);
            add(&mut out, "p", &route["description"]);
            parameters(&mut out, route);
            out.push_str("</section>\n");
        }
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn parameters(out: &mut String, route: &Value) {
    let Some(all) = route["parameters"].as_array() else { return };
    out.push_str("<dl>\n");
    for parameter in all {
        add(out, "dt", &parameter["name"]);
        let told = parameter["description"].as_str().unwrap_or("");
        let _ = writeln!(out, "<dd>{}</dd>", escaped(told));
    }
    out.push_str("</dl>\n");
}

/// An element of a text, if there is one.
fn add(out: &mut String, tag: &str, text: &Value) {
    if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "<{tag}>{}</{tag}>", escaped(text));
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_listed_and_text_is_no_markup() {
        let page = super::page();
        for told in ["GET /api/events<", "GET /api/stories/{id}/trace<", "GET /metrics<", "<dt>since</dt>"] {
            assert!(page.contains(told), "{told} in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("//"), "nothing that runs, nothing from elsewhere");
        assert_eq!(super::escaped("<a & b>"), "&lt;a &amp; b&gt;");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The default page, which says who answers.

use alloc::string::String;

/// Something that the page tells: what it is, and what it is here.
pub type Fact = (&'static str, String);

/// Values are padded to a multiple of this many bytes by spaces, which a browser does not show:
/// the page keeps its length while numbers in it grow, and load generators that take another
/// length for a failure are content.
const ROUND: usize = 64;

/// The page with these facts.
pub fn render(facts: &[Fact]) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>minios httpd</title>\n\
         <style>body{font:1rem/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem;\
         padding:0 1rem}dt{font-weight:600}dd{margin:0 0 .5rem}</style>\n\
         <h1>It works</h1>\n\
         <p>This page comes from a unikernel: one Rust program that is its domain's kernel, \
         its TCP/IP stack and its web server.</p>\n<dl>\n",
    );
    for (what, value) in facts {
        page.push_str("<dt>");
        escape(&mut page, what);
        page.push_str("</dt><dd>");
        let start = page.len();
        escape(&mut page, value);
        let padding = (page.len() - start).next_multiple_of(ROUND) - (page.len() - start);
        page.extend(core::iter::repeat_n(' ', padding));
        page.push_str("</dd>\n");
    }
    page.push_str(
        "</dl>\n<p>Also here: <a href=\"/metrics\">/metrics</a>, \
         <a href=\"/healthz\">/healthz</a>, <a href=\"/requests\">/requests</a>, \
         <a href=\"/bytes/1048576\">/bytes/1048576</a>.</p>\n</html>\n",
    );
    page
}

fn escape(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            '"' => page.push_str("&quot;"),
            other => page.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn facts_are_escaped() {
        let page = render(&[("Name", "<a & \"b\">".into())]);
        assert!(page.contains("<dt>Name</dt><dd>&lt;a &amp; &quot;b&quot;&gt;  "));
    }

    #[test]
    fn its_length_is_constant() {
        let page = |value: &str| render(&[("Up for", value.into())]).len();
        assert_eq!(page("1 s"), page("123456.789 s"));
    }
}

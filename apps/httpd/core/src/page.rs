// SPDX-License-Identifier: MIT OR Apache-2.0
//! The default page, which says who answers. It is all in one piece: no script, no other file.

use alloc::string::String;

/// Something that the page tells: what it is, and what it is here.
pub type Fact = (&'static str, String);

/// Values are padded to a multiple of this many bytes by spaces, which a browser does not show:
/// the page keeps its length while numbers in it grow, and load generators that take another
/// length for a failure are content.
const ROUND: usize = 64;

const START: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
    // Nobody need ask for /favicon.ico.
    "<link rel=\"icon\" href=\"data:,\">\n<title>minios httpd</title>\n<style>\n",
    include_str!("page/style.css"),
    "</style>\n<main>\n<header>\n<h1>It works</h1>\n",
    "<p>This page comes from a unikernel: one Rust program that is its domain's kernel, ",
    "its TCP/IP stack and its web server. This is the way your request came:</p>\n</header>\n",
    "<ol><li>your browser<li>network card<li>dom0's switch<li>netback<li>netfront<li>httpd</ol>\n",
    "<dl>\n",
);

const END: &str = concat!(
    "</dl>\n<footer>Also here: <a href=\"/about.html\">a file</a>, ",
    "<a href=\"/metrics\">metrics</a>, <a href=\"/requests\">the last requests</a>, ",
    "<a href=\"/healthz\">health</a>, <a href=\"/bytes/1048576\">a megabyte</a>.</footer>\n",
    "</main>\n</html>\n",
);

/// The page with these facts.
pub fn render(facts: &[Fact]) -> String {
    let mut page = String::with_capacity(START.len() + END.len() + facts.len() * 4 * ROUND);
    page.push_str(START);
    for (what, value) in facts {
        page.push_str("<div><dt>");
        escape(&mut page, what);
        page.push_str("</dt><dd>");
        let start = page.len();
        escape(&mut page, value);
        let padding = (page.len() - start).next_multiple_of(ROUND) - (page.len() - start);
        page.extend(core::iter::repeat_n(' ', padding));
        page.push_str("</dd></div>\n");
    }
    page.push_str(END);
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

    #[test]
    fn nothing_comes_from_elsewhere() {
        let page = render(&[]);
        assert!(!page.contains("http") || !page.contains("://"), "{page}");
        assert!(page.len() < 4096, "{} bytes", page.len());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The symbol table for backtraces, from the linker's.
use object::{Object, ObjectSymbol, SymbolKind};
use symbols::Function;

use super::finish::Linked;

/// A table of all functions of the image.
pub(super) fn table(image: &Linked<'_>) -> Vec<u8> {
    let named: Vec<(u64, u64, String)> = image
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .filter_map(|symbol| Some((symbol.address(), symbol.size(), readable(symbol.name().ok()?))))
        .collect();
    let functions: Vec<Function<'_>> = named
        .iter()
        .map(|(start, size, name)| Function { start: *start, size: *size, name })
        .collect();
    symbols::encode(&functions)
}

/// The demangled name without the hash, and without the parameters of generics, which are long
/// and say little in a backtrace.
fn readable(mangled: &str) -> String {
    let full = format!("{:#}", rustc_demangle::demangle(mangled));
    let mut short = String::with_capacity(full.len());
    let mut rest = full.as_str();
    while let Some((before, behind)) = rest.split_once("::<") {
        short.push_str(before);
        rest = behind_brackets(behind);
    }
    short.push_str(rest);
    short
}

/// What follows the `>` that closes the bracket in front of `text`.
fn behind_brackets(text: &str) -> &str {
    let mut depth = 1_u32;
    let mut last = ' ';
    for (index, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(index + 1..).unwrap_or_default();
        }
        last = letter;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn names_are_short() {
        assert_eq!(
            readable("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(readable("a::b::<fn(u8) -> Vec<u8>>::c::<d>"), "a::b::c");
        assert_eq!(readable("<a::B<C> as D>::e"), "<a::B<C> as D>::e");
        assert_eq!(readable("broken::<"), "broken");
    }
}

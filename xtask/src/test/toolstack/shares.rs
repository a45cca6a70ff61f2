// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who gets how much of the processor.
use anyhow::{Context, Result, ensure};

use super::Prompt;

/// Two domains that want all get it in the ratio of their weights, within 3 % over a second.
pub(super) fn by_weight(prompt: &mut Prompt) -> Result<()> {
    prompt.command("create light.cfg")?;
    prompt.command("create heavy.cfg")?;
    let table = prompt.command("top")?;
    let (light, heavy) = (share(&table, "light")?, share(&table, "heavy")?);
    prompt.command("destroy light")?;
    prompt.command("destroy heavy")?;
    println!("        {light} % and {heavy} %");
    let ratio = heavy / light;
    ensure!((ratio / 2.0 - 1.0).abs() <= 0.03, "{heavy} % : {light} % = {ratio:.3}");
    Ok(())
}

/// The percentage of `name` in what `top` printed.
fn share(table: &[String], name: &str) -> Result<f64> {
    let row = table.iter().find(|line| line.split_whitespace().next() == Some(name));
    let row = row.with_context(|| format!("top does not show {name}: {}", table.join("; ")))?;
    Ok(row.split_whitespace().nth(2).context("a row without a share")?.parse()?)
}

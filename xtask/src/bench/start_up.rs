// SPDX-License-Identifier: MIT OR Apache-2.0
//! From QEMU's start to hv's first line, to dom0's prompt, and to the first HTTP answer.
use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Row, median};
use crate::{
    build::Profile,
    http,
    machine_files::MachineFiles,
    qemu::{Forward, Machine, Serial},
    ramdisk::Domain,
    run::any_free,
    session::Session,
    test::PROMPT,
    workspace::Workspace,
};

const RUNS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let folder = workspace.target_dir().join("run").join("bench");
    let domains = [Domain::of_app(workspace, "httpd")?];
    let files = MachineFiles::make(workspace, Profile::Image, &domains, &folder, false)?;
    let (mut first_line, mut prompt, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let port = any_free()?;
        let mut machine = Machine::new(files.boot(), Serial::Terminal);
        let address = domains.iter().find_map(|domain| domain.config().address());
        machine.forwards.extend(address.map(|address| Forward::tcp(port, address, 80)));
        let mut session = Session::start(&machine, &folder.join("start.log"))?;
        let started = Instant::now();
        let answered = thread::spawn(move || time_to_answer(port, started));
        session.line(Instant::now() + PATIENCE)?;
        first_line.push(session.age().as_secs_f64());
        session.wait_for_prompt(PROMPT, PATIENCE)?;
        prompt.push(session.age().as_secs_f64());
        let seconds = answered.join().ok().flatten();
        ensure!(seconds.is_some(), "no HTTP answer within {} s", PATIENCE.as_secs());
        answer.extend(seconds);
    }
    Ok(vec![
        Row::new("QEMU's start to hv's first line", median(first_line), "s"),
        Row::new("QEMU's start to dom0's prompt", median(prompt), "s"),
        Row::new("QEMU's start to the first HTTP answer", median(answer), "s"),
    ])
}

fn time_to_answer(port: u16, started: Instant) -> Option<f64> {
    while !http::answers(port, "/") {
        if started.elapsed() > PATIENCE {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Some(started.elapsed().as_secs_f64())
}

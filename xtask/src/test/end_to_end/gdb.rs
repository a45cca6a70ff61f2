// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask run --gdb`: the machine waits, and QEMU's stub speaks the remote protocol of gdb.
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use object::{
    Endianness,
    read::elf::{ElfFile64, FileHeader},
};

use crate::workspace::Workspace;

const PATIENCE: Duration = Duration::from_secs(60);
/// Where a processor starts (its offset in the code segment).
const RESET: u64 = 0xfff0;

/// The stub answers at the reset vector; a breakpoint at the entry of the image that the message
/// names is reached; the stub ends the machine.
pub(super) fn stub_answers(workspace: &Workspace) -> Result<()> {
    let mut run = Command::new(std::env::current_exe()?)
        .args(["run", "--gdb", "--timeout", "120", "--yes"])
        .current_dir(workspace.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let result = talk(&mut run);
    if result.is_err() {
        // Without its machine, which ends by itself, as nobody is there any more to stop it.
        run.kill()?;
    }
    run.wait()?;
    result
}

fn talk(run: &mut Child) -> Result<()> {
    let errors = run.stderr.take().context("no pipe from run")?;
    let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
    let message = lines.find_map(|line| Some(line.split_once("waits for: gdb ")?.1.to_owned()));
    let message = message.context("run does not say what to type")?;
    let (image, rest) = message.split_once(" -ex ").context("no file for gdb")?;
    let port = rest.trim_end_matches('\'').rsplit(':').next().unwrap_or_default().parse()?;
    let mut stub = Stub::connect(port)?;
    ensure!(stub.ask("?")?.starts_with('T'), "the machine does not wait");
    ensure!(stub.instruction_pointer()? == RESET, "it is not where a processor starts");
    let entry = entry(image)?;
    ensure!(stub.ask(&format!("Z1,{entry:x},1"))? == "OK", "no breakpoint");
    ensure!(stub.ask("c")?.starts_with("T05"), "it does not stop at hv's entry");
    let at = stub.instruction_pointer()?;
    ensure!(at == entry, "it stops at {at:#x} instead of {entry:#x}");
    stub.send("k")?;
    let deadline = Instant::now() + PATIENCE;
    while run.try_wait()?.is_none() {
        ensure!(Instant::now() < deadline, "run goes on without a machine");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Where the image starts.
fn entry(image: &str) -> Result<u64> {
    let bytes = fs::read(image).with_context(|| image.to_owned())?;
    let elf = ElfFile64::<Endianness>::parse(&*bytes)?;
    Ok(elf.elf_header().e_entry(Endianness::Little))
}

/// A connection to the stub: packets are `$TEXT#SUM`, and `+` says that one has come.
struct Stub(BufReader<TcpStream>);

impl Stub {
    fn connect(port: u16) -> Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    return Ok(Self(BufReader::new(stream)));
                }
                Err(error) if Instant::now() > deadline => bail!("no stub answers: {error}"),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn send(&mut self, text: &str) -> Result<()> {
        let sum = text.bytes().fold(0_u8, u8::wrapping_add);
        Ok(self.0.get_mut().write_all(format!("${text}#{sum:02x}").as_bytes())?)
    }

    fn ask(&mut self, text: &str) -> Result<String> {
        self.send(text)?;
        let mut answer = Vec::new();
        self.0.read_until(b'$', &mut answer)?;
        answer.clear();
        self.0.read_until(b'#', &mut answer)?;
        ensure!(answer.pop() == Some(b'#'), "the stub is silent");
        self.0.read_exact(&mut [0; 2])?;
        self.0.get_mut().write_all(b"+")?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The register that follows the sixteen general ones, 8 bytes each, the lowest first.
    fn instruction_pointer(&mut self) -> Result<u64> {
        let registers = self.ask("g")?;
        let digits = registers.get(16 * 16..17 * 16).context("too few registers")?;
        Ok(u64::from_str_radix(digits, 16)?.swap_bytes())
    }
}

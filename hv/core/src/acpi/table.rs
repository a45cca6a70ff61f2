// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root pointer, the list of tables, and tables as such.
use super::TableMemory;

/// Bytes of a table's header.
const HEADER: u32 = 36;
/// Longer tables are none that is looked for.
const MAX_LENGTH: u32 = 64 << 10;
/// Bytes of the root pointer that its first sum covers, and of the whole.
const ROOT: u32 = 20;
const EXTENDED_ROOT: usize = 36;

/// A table whose sum is right.
pub(super) struct Table<'m, M> {
    memory: &'m M,
    at: u64,
    pub(super) signature: [u8; 4],
    /// Bytes, header included.
    pub(super) length: u32,
}

impl<'m, M: TableMemory> Table<'m, M> {
    fn find(memory: &'m M, at: u64) -> Option<Self> {
        let mut head = [0; 8];
        memory.read(at, &mut head)?;
        let ([a, b, c, d], [e, f, g, h]) = head
            .split_first_chunk()
            .and_then(|(name, rest)| Some((*name, *rest.first_chunk::<4>()?)))?;
        let length = u32::from_le_bytes([e, f, g, h]);
        let fits = (HEADER..=MAX_LENGTH).contains(&length);
        (fits && sum(memory, at, length)? == 0).then_some(Self {
            memory,
            at,
            signature: [a, b, c, d],
            length,
        })
    }

    /// The bytes at `offset`, if they lie in the table.
    pub(super) fn bytes<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let end = offset.checked_add(u32::try_from(N).ok()?)?;
        let mut bytes = [0; N];
        let at = self.at.checked_add(offset.into()).filter(|_| end <= self.length)?;
        self.memory.read(at, &mut bytes)?;
        Some(bytes)
    }

    pub(super) fn word(&self, offset: u32) -> Option<u32> {
        self.bytes(offset).map(u32::from_le_bytes)
    }

    pub(super) fn long(&self, offset: u32) -> Option<u64> {
        self.bytes(offset).map(u64::from_le_bytes)
    }
}

/// The sum of `length` bytes.
fn sum(memory: &impl TableMemory, at: u64, length: u32) -> Option<u8> {
    let mut sum = 0_u8;
    for offset in 0..length {
        let mut byte = [0];
        memory.read(at.checked_add(offset.into())?, &mut byte)?;
        sum = sum.wrapping_add(byte[0]);
    }
    Some(sum)
}

/// Whether a root pointer is at `at`.
pub(super) fn is_root(memory: &impl TableMemory, at: u64) -> bool {
    let mut signature = [0; 8];
    let found = memory.read(at, &mut signature).is_some() && signature == *b"RSD PTR ";
    found && sum(memory, at, ROOT) == Some(0)
}

/// Calls `look` for every table that the root pointer at `root` leads to.
pub(super) fn for_each<M: TableMemory>(
    memory: &M,
    root: u64,
    mut look: impl FnMut(&Table<'_, M>) -> Option<()>,
) {
    let Some(list) = list(memory, root) else { return };
    let bytes = if list.signature == *b"XSDT" { 8 } else { 4 };
    for offset in (HEADER..list.length).step_by(bytes) {
        let entry = if bytes == 8 { list.long(offset) } else { list.word(offset).map(u64::from) };
        if let Some(table) = entry.and_then(|at| Table::find(memory, at)) {
            // A table that is wrong from some entry on has been read up to there.
            let _ = look(&table);
        }
    }
}

/// The list of tables: the one with addresses of 64 bits, if there is such.
fn list<M: TableMemory>(memory: &M, root: u64) -> Option<Table<'_, M>> {
    const REVISION: usize = 15;
    let mut pointer = [0; EXTENDED_ROOT];
    if !is_root(memory, root) {
        return None;
    }
    memory.read(root, pointer.get_mut(..20)?)?;
    if pointer.get(REVISION).is_some_and(|revision| *revision >= 2)
        && memory.read(root, &mut pointer).is_some()
    {
        let extended = pointer.get(24..32)?.first_chunk().copied().map(u64::from_le_bytes)?;
        let table = Table::find(memory, extended).filter(|table| table.signature == *b"XSDT");
        if table.is_some() {
            return table;
        }
    }
    let plain = pointer.get(16..20)?.first_chunk().copied().map(u32::from_le_bytes)?;
    Table::find(memory, plain.into()).filter(|table| table.signature == *b"RSDT")
}

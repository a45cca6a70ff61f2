// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF files that nobody has written: a note PHYS32_ENTRY leads to bytes by chance, or to instructions
//! of kernels with operands by chance; in every fourth, headers and notes have wrong bytes too.

/// ELF header, two program headers, a note.
const HEADERS: usize = 0x100;
const NOTE: usize = 0xc0;
const CODE_BYTES: usize = 0x1000;
/// Where the code may be in memory, in pages.
const PAGES: u64 = 512;

/// What a kernel does first, in 32-bit code: bytes, an operand near a usual one, bytes.
const INSTRUCTIONS: [(&[u8], Option<u32>, &[u8]); 32] = [
    (&[0xb8], Some(0x11), &[0x0f, 0x22, 0xc0]), // mov eax; mov cr0, eax
    (&[0xb8], Some(0x20), &[0x0f, 0x22, 0xe0]), // mov eax; mov cr4, eax
    (&[0xb8], Some(0x10_0000), &[0x0f, 0x22, 0xd8]), // mov eax; mov cr3, eax
    (&[0xb9, 0x80, 0, 0, 0xc0, 0x31, 0xd2, 0xb8], Some(0x100), &[0x0f, 0x30]), // EFER
    (&[0xb9], Some(0x4000_0000), &[0x0f, 0x30]), // wrmsr
    (&[0xb9], Some(0x1b), &[0x0f, 0x32]),       // rdmsr
    (&[0xb8], Some(0x10), &[0x8e, 0xd8]),       // mov ds, ax
    (&[0xb8], Some(0x10), &[0x8e, 0xd0]),       // mov ss, ax
    (&[0xb8], Some(0x18), &[0x0f, 0x00, 0xd8]), // ltr ax
    (&[0xb8], Some(0x20), &[0x0f, 0x00, 0xd0]), // lldt ax
    (&[0x0f, 0x01, 0x15], Some(0x10_0000), &[]), // lgdt
    (&[0x0f, 0x01, 0x1d], Some(0x10_0000), &[]), // lidt
    (&[0x68], Some(0x2), &[0x9d]),              // push; popfd
    (&[0x68], Some(0x10_0000), &[0x6a, 0x08, 0xcb]), // push; push; retf
    (&[0x68], Some(0x3_0002), &[0x6a, 0x08, 0x68, 0, 0, 0x10, 0, 0xcf]), // iretd
    (&[0xbc], Some(0x20_0000), &[]),            // mov esp
    (&[0xa3], Some(0x10_0000), &[]),            // mov [..], eax
    (&[0xa1], Some(0xfee0_0020), &[]),          // mov eax, [..]
    (&[0xb8], Some(0), &[0x0f, 0xa2]),          // cpuid
    (&[0xb8], Some(29), &[0x0f, 0x01, 0xc1]),   // vmcall
    (&[0xb8], Some(29), &[0x0f, 0x01, 0xd9]),   // vmmcall
    (&[0xb8], Some(0x402), &[0x0f, 0x23, 0xf8]), // mov dr7, eax
    (&[0xba], Some(0xe9), &[0xee]),             // out dx, al
    (&[0xba], Some(0x60), &[0xed]),             // in eax, dx
    (&[0xbf], Some(0x10_0000), &[0xf3, 0x6d]),  // rep insd
    (&[0xbf], Some(0x10_0000), &[0xf3, 0xaa]),  // rep stosb
    (&[0xb8], Some(3), &[0x31, 0xc9, 0x0f, 0x01, 0xd1]), // xsetbv
    (&[0x0f, 0x01, 0x3d], Some(0x10_0000), &[]), // invlpg
    (&[0xfb, 0xeb, 0xfd], None, &[]),           // sti; jmp to itself
    (&[0xfb, 0xf4], None, &[]),                 // sti; hlt
    (&[0xf4], None, &[]),
    (&[0xcd, 0x80], None, &[]),
];

/// The kernel of a seed.
pub(super) fn make(seed: u64) -> Vec<u8> {
    let mut chance = Chance(seed);
    let code = if chance.below(2) == 0 { chance.bytes() } else { chance.instructions() };
    let address = (1 + chance.below(PAGES)) << 12;
    let mut file = headers(address, code.len() as u64);
    if chance.below(4) == 0 {
        for _ in 0..=chance.below(4) {
            let at = chance.below(HEADERS as u64);
            file[usize::try_from(at).unwrap_or(0)] = chance.next().to_le_bytes()[0];
        }
    }
    file.extend(code);
    file
}

/// The headers of a kernel that is loaded at `address` and starts there.
fn headers(address: u64, bytes: u64) -> Vec<u8> {
    const LOAD: u32 = 1;
    const NOTES: u32 = 4;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    // An executable for x86-64, version 1.
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    [address, 64, 0].iter().for_each(|word| file.extend(word.to_le_bytes()));
    file.extend([0; 4]);
    [64u16, 56, 2, 64, 0, 0].iter().for_each(|half| file.extend(half.to_le_bytes()));
    let note_bytes = (HEADERS - NOTE) as u64;
    for (kind, at, address, bytes) in
        [(LOAD, HEADERS as u64, address, bytes), (NOTES, NOTE as u64, 0, note_bytes)]
    {
        [kind, 7].iter().for_each(|word| file.extend(word.to_le_bytes()));
        [at, address, address, bytes, bytes, 4]
            .iter()
            .for_each(|word| file.extend(word.to_le_bytes()));
    }
    file.resize(NOTE, 0);
    [4u32, 8, 18].iter().for_each(|word| file.extend(word.to_le_bytes()));
    file.extend(b"Xen\0");
    file.extend(address.to_le_bytes());
    file.resize(HEADERS, 0);
    file
}

/// Numbers by chance, each from the one before (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..CODE_BYTES / 8).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    fn instructions(&mut self) -> Vec<u8> {
        let mut code = Vec::new();
        while code.len() < CODE_BYTES {
            let number = usize::try_from(self.below(INSTRUCTIONS.len() as u64)).unwrap_or(0);
            let (before, usual, behind) = INSTRUCTIONS[number];
            code.extend(before);
            if let Some(usual) = usual {
                code.extend(self.near(usual).to_le_bytes());
            }
            code.extend(behind);
        }
        code
    }

    /// The usual value, the same with another bit, or any.
    fn near(&mut self, usual: u32) -> u32 {
        match self.below(8) {
            0 => u32::try_from(self.below(1 << 32)).unwrap_or(0),
            1..=4 => usual ^ 1 << self.below(32),
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::make;

    #[test]
    fn a_seed_makes_the_same_kernel_again() {
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
    }

    #[test]
    fn most_are_elf_files() {
        let is_elf = |seed: &u64| object::File::parse(&*make(*seed)).is_ok();
        assert!((0..100).filter(is_elf).count() > 75);
    }
}

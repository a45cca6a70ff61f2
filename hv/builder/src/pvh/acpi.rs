// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ACPI tables of a PVH domain (ACPI 6.3, chapter 5): a root pointer, an XSDT, a FADT that says
//! that there is no hardware of old, an empty DSDT, and a MADT with the local APICs.
use heapless::Vec;
use xen_abi::frame::PAGE_SIZE;

/// Bytes of all of them at most.
type Tables = Vec<u8, PAGE_SIZE>;

const RSDP_BYTES: usize = 36;
/// Where the tables begin, in the page.
const FIRST_TABLE: usize = 64;
const HEADER_BYTES: usize = 36;
const FADT_BYTES: usize = 268;
const LOCAL_APIC: u32 = 0xfee0_0000;

/// The page with all tables, to be at physical address `base`; the root pointer is its start.
#[must_use]
pub fn tables(base: u64, vcpus: u8) -> Tables {
    let mut page = Tables::new();
    pad(&mut page, FIRST_TABLE);
    let dsdt = append(&mut page, base, *b"DSDT", 2, &[]);
    let fadt = append(&mut page, base, *b"FACP", 5, &fadt_body(dsdt));
    let madt = append(&mut page, base, *b"APIC", 3, &madt_body(vcpus));
    let pointers = [fadt, madt].map(u64::to_le_bytes);
    let xsdt = append(&mut page, base, *b"XSDT", 1, pointers.as_flattened());
    write_rsdp(&mut page, xsdt);
    page
}

fn pad(page: &mut Tables, end: usize) {
    // The page has room for all tables; the test counts.
    let _ = page.resize(end.min(PAGE_SIZE), 0);
}

/// Appends a table at the next multiple of 16; returns its address.
fn append(page: &mut Tables, base: u64, signature: [u8; 4], revision: u8, body: &[u8]) -> u64 {
    let start = page.len().next_multiple_of(16);
    pad(page, start);
    let length = HEADER_BYTES.saturating_add(body.len());
    let mut header = Vec::<u8, HEADER_BYTES>::new();
    let length_field = u32::try_from(length).unwrap_or(0).to_le_bytes();
    for part in [&signature[..], &length_field, &[revision, 0], b"hv    ", b"PVH     "] {
        let _ = header.extend_from_slice(part);
    }
    let _ = header.resize(HEADER_BYTES, 0);
    let _ = page.extend_from_slice(&header);
    let _ = page.extend_from_slice(body);
    set_checksum(page, start, length, 9);
    base.wrapping_add(start as u64)
}

/// Makes the bytes of a table sum up to 0.
fn set_checksum(page: &mut Tables, start: usize, length: usize, at: usize) {
    let table = page.get_mut(start..).and_then(|rest| rest.get_mut(..length));
    let Some(table) = table else { return };
    let sum = table.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if let Some(checksum) = table.get_mut(at) {
        *checksum = checksum.wrapping_sub(sum);
    }
}

/// What follows the header of a FADT.
fn fadt_body(dsdt: u64) -> [u8; FADT_BYTES - HEADER_BYTES] {
    /// No VGA, no clock of CMOS.
    const BOOT_FLAGS: u16 = 1 << 2 | 1 << 5;
    /// No hardware but what other tables describe; wbinvd works.
    const FLAGS: u32 = 1 << 20 | 1 << 0;
    let mut body = [0; FADT_BYTES - HEADER_BYTES];
    let mut put = |offset: usize, bytes: &[u8]| {
        let at = offset.saturating_sub(HEADER_BYTES);
        for (to, from) in body.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(40, &u32::try_from(dsdt).unwrap_or(0).to_le_bytes());
    put(109, &BOOT_FLAGS.to_le_bytes());
    put(112, &FLAGS.to_le_bytes());
    put(131, &[1]);
    put(140, &dsdt.to_le_bytes());
    body
}

/// What follows the header of a MADT: the address of the local APICs, and one entry for each.
fn madt_body(vcpus: u8) -> Vec<u8, 2048> {
    const ENABLED: u8 = 1;
    let mut body = Vec::new();
    let _ = body.extend_from_slice(&LOCAL_APIC.to_le_bytes());
    let _ = body.extend_from_slice(&[0; 4]);
    for id in 0..vcpus {
        // As on Xen, the APIC's number is twice that of the vcpu.
        let _ = body.extend_from_slice(&[0, 8, id, id.wrapping_mul(2), ENABLED, 0, 0, 0]);
    }
    body
}

fn write_rsdp(page: &mut Tables, xsdt: u64) {
    const LENGTH: u32 = 36;
    let parts: [&[u8]; 7] = [
        b"RSD PTR ",
        &[0],
        b"hv    ",
        &[2, 0, 0, 0, 0],
        &LENGTH.to_le_bytes(),
        &xsdt.to_le_bytes(),
        &[0; 4],
    ];
    let bytes = parts.into_iter().flatten();
    page.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    set_checksum(page, 0, 20, 8);
    set_checksum(page, 0, RSDP_BYTES, 32);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of a fault while something is being delivered (Intel SDM volume 3, table 6-5).
use xen_abi::trap::{VECTOR_DF, VECTOR_PF};

/// What a processor was delivering when a guest left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivering {
    /// Nothing, an interrupt, or an exception that another one may follow.
    Nothing,
    /// #DE, #TS, #NP, #SS or #GP.
    Contributory,
    /// #PF.
    PageFault,
    /// #DF.
    DoubleFault,
}

/// What a second fault is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// Itself.
    Itself,
    /// A double fault.
    Double,
    /// The end of the virtual CPU.
    Triple,
}

impl Delivering {
    /// While the exception `vector` is delivered.
    #[must_use]
    pub const fn exception(vector: u8) -> Self {
        match vector {
            VECTOR_DF => Self::DoubleFault,
            VECTOR_PF => Self::PageFault,
            0 | 10..=13 => Self::Contributory,
            _ => Self::Nothing,
        }
    }

    /// What the fault `vector`, a #GP or a #PF, is then.
    #[must_use]
    pub const fn then(self, vector: u8) -> Second {
        match (self, Self::exception(vector)) {
            (Self::DoubleFault, _) => Second::Triple,
            (Self::PageFault, Self::Contributory | Self::PageFault)
            | (Self::Contributory, Self::Contributory) => Second::Double,
            _ => Second::Itself,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_abi::trap::VECTOR_GP;

    #[test]
    fn faults_upon_faults() {
        let while_delivering = |first, second| Delivering::exception(first).then(second);
        assert_eq!(while_delivering(VECTOR_GP, VECTOR_PF), Second::Itself);
        assert_eq!(while_delivering(VECTOR_GP, VECTOR_GP), Second::Double);
        assert_eq!(while_delivering(VECTOR_PF, VECTOR_GP), Second::Double);
        assert_eq!(while_delivering(VECTOR_PF, VECTOR_PF), Second::Double);
        assert_eq!(while_delivering(VECTOR_DF, VECTOR_PF), Second::Triple);
        assert_eq!(while_delivering(6, VECTOR_PF), Second::Itself);
        assert_eq!(Delivering::Nothing.then(VECTOR_GP), Second::Itself);
    }
}

//! The allocator: mimalloc, asked for aligned memory only where its ordinary blocks are not aligned enough.
//!
//! Workers make what the recording thread frees; the system's allocator pays for that with locks and `mprotect`.
//! Rust states an alignment with every request. mimalloc (version 3) takes one for unusual even where it is that of
//! all its blocks: it makes a third of our blocks larger, and looks for the beginning of each when it is freed.
//! Invariant: a block is aligned as it was asked for, by mimalloc's word that blocks of 16 bytes and more are aligned to
//! 16, and smaller ones to 8.

#![allow(unsafe_code, reason = "an allocator can only be stated by an unsafe trait, and mimalloc is C")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// mimalloc.
pub(crate) struct Allocator;

/// Whether every block of that many bytes is aligned so.
const fn is_usual(bytes: usize, align: usize) -> bool {
    align <= 8 && align <= bytes || align <= 16 && bytes >= 16
}

// SAFETY: each block comes from mimalloc, has the size and the alignment of its layout, and goes back to mimalloc.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (bytes, align) = (layout.size(), layout.align());
        let block = unsafe {
            if is_usual(bytes, align) { mi_malloc(bytes) } else { mi_malloc_aligned(bytes, align) }
        };
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (bytes, align) = (layout.size(), layout.align());
        let block = unsafe {
            if is_usual(bytes, align) { mi_zalloc(bytes) } else { mi_zalloc_aligned(bytes, align) }
        };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let align = layout.align();
        let block = unsafe {
            if is_usual(bytes, align) {
                mi_realloc(block.cast(), bytes)
            } else {
                mi_realloc_aligned(block.cast(), bytes, align)
            }
        };
        block.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_keep_what_they_hold() {
        for align in [1, 2, 4, 8, 16, 32, 128, 4096] {
            for bytes in [1, 7, 8, 9, 15, 16, 17, 24, 40, 100, 1000, 1500, 5000, 70_000] {
                let layout = Layout::from_size_align(bytes, align).unwrap();
                // SAFETY: no layout is empty, and each block is used within its size and freed once.
                unsafe {
                    let block = Allocator.alloc(layout);
                    block.write_bytes(7, bytes);
                    let zeroed = Allocator.alloc_zeroed(layout);
                    let grown = Allocator.realloc(block, layout, 2 * bytes);
                    for block in [zeroed, grown] {
                        assert!(!block.is_null() && block.addr().is_multiple_of(align), "{bytes} {align}");
                    }
                    assert!(std::slice::from_raw_parts(zeroed, bytes).iter().all(|byte| *byte == 0));
                    assert!(std::slice::from_raw_parts(grown, bytes).iter().all(|byte| *byte == 7));
                    Allocator.dealloc(zeroed, layout);
                    Allocator.dealloc(grown, Layout::from_size_align(2 * bytes, align).unwrap());
                }
            }
        }
    }
}

//! Treatment by the C allocator of the memory that a training step leaves behind.

/// Lets glibc keep freed memory for the next step. Elsewhere nothing is changed.
///
/// The activations of a step are tens of blocks of several MiB. By default their memory goes back
/// to the kernel when a step ends and comes page by page, zeroed, in the next; ResNet-32 in float32
/// trains a sixth faster without that (`benches/training_step.rs`). Blocks above 32 MiB, glibc's
/// limit, go back as before. What the process holds stays at its peak.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two integers, touches the allocator's own parameters under the allocator's own lock, and
    // has no preconditions; a value that it does not accept changes nothing and is told by a returned 0.
    #[allow(unsafe_code)]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

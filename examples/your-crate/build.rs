//! Writes libtorch's folder into the program, which then finds the library at run time without
//! `LD_LIBRARY_PATH`. Cargo hands linker arguments to no other crate, so each crate with a program
//! needs these lines.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
}

//! `manicule-bindgen WASM FOLDER`: writes FOLDER/index.js and FOLDER/index_bg.wasm.

use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(wasm), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: manicule-bindgen WASM FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen.module(true).and_then(|bindgen| {
        bindgen
            .input_path(wasm)
            .out_name("index")
            .typescript(false)
            // An instance that has trapped is replaced by the next call into it.
            .reset_state_function(true)
            .force_enable_abort_handler(true)
            .generate(folder)
    });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

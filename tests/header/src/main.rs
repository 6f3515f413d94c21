//! Prints `include/ripc.h`: `make header` writes it, the test compares it with what is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cbindgen::{Builder, Config};

/// The files that export something, in the order of the header.
const FILES: [&str; 19] = [
    "code",
    "token",
    "text",
    "options",
    "lifecycle",
    "call",
    "message",
    "serve",
    "handlers",
    "looping",
    "hash",
    "watch",
    "events",
    "json",
    "debug",
    "config",
    "state",
    "counters",
    "courier",
];

fn main() -> ExitCode {
    match header() {
        Ok(header) => {
            print!("{header}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn blocking() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blocking")
}

/// The header, as it is to be.
fn header() -> Result<String, String> {
    let mut config = Config::from_file(blocking().join("cbindgen.toml"))?;
    config.after_includes = Some(version(env!("CARGO_PKG_VERSION")));
    let mut builder = Builder::new().with_config(config);
    for file in FILES {
        builder = builder.with_src(blocking().join(format!("src/capi/{file}.rs")));
    }
    let bindings = builder.generate().map_err(|error| error.to_string())?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    String::from_utf8(header).map_err(|error| error.to_string())
}

/// The macros that tell the version, all crates' own.
fn version(version: &str) -> String {
    let mut lines = format!(
        "\n/* The version that a program is compiled with. */\n#define RIPC_VERSION \"{version}\"\n"
    );
    let numbers = version
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    for (name, number) in ["MAJOR", "MINOR", "PATCH"].iter().zip(numbers) {
        lines.push_str(&format!("#define RIPC_VERSION_{name} {number}\n"));
    }
    lines.push_str(
        "\n/* As a length: the text ends with a NUL. */\n\
         #define RIPC_NUL_TERMINATED ((size_t)-1)\n\
         \n/* What a ripc_options begins with. */\n\
         #define RIPC_OPTIONS_INIT { sizeof(ripc_options), NULL, 0, 0, 0 }\n",
    );
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn committed() -> String {
        fs::read_to_string(blocking().join("include/ripc.h")).unwrap()
    }

    #[test]
    fn the_header_is_what_the_sources_say() {
        assert!(
            header().unwrap() == committed(),
            "include/ripc.h is not what the sources say: `make header` writes it anew"
        );
    }

    #[test]
    fn every_exported_function_is_in_the_header() {
        let header = committed();
        let mut count = 0;
        for file in fs::read_dir(blocking().join("src/capi")).unwrap() {
            let source = fs::read_to_string(file.unwrap().path()).unwrap();
            for exported in source.split("#[unsafe(no_mangle)]").skip(1) {
                let name = exported.split("fn ").nth(1).unwrap();
                let name = name.split('(').next().unwrap();
                assert!(header.contains(&format!("{name}(")), "{name}");
                count += 1;
            }
        }
        assert!(count > 50, "{count}");
    }
}

//! Where watched gaps are shown: in place on a terminal, else one block under the other.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Height, Width, terminal_size_of};

/// The other screen of a terminal, from its start and without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// Lines and columns, where a terminal does not tell.
const USUAL_SIZE: (usize, usize) = (24, 80);

/// Standard output while something is watched; the terminal is as before once this is dropped.
#[derive(Debug)]
pub struct Screen {
    in_place: bool,
    begun: bool,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            in_place: io::stdout().is_terminal(),
            begun: false,
        }
    }

    /// Shows `lines` in the place of the last ones; false once nobody reads any more.
    ///
    /// # Errors
    /// Any fault of writing but a closed pipe.
    pub fn show(&mut self, lines: &[String]) -> io::Result<bool> {
        let text = if self.in_place {
            let enter = if self.begun { "" } else { ENTER };
            format!("{enter}{}", frame(lines, size()))
        } else {
            let gap = if self.begun { "\n" } else { "" };
            format!("{gap}{}\n", lines.join("\n"))
        };
        self.begun = true;
        written(&text)
    }

    /// Writes one line as it is; false once nobody reads any more.
    ///
    /// # Errors
    /// As [`Screen::show`].
    pub fn line(text: &str) -> io::Result<bool> {
        written(&format!("{text}\n"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.in_place && self.begun {
            let _ = written(LEAVE);
        }
    }
}

fn written(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn size() -> (usize, usize) {
    terminal_size_of(io::stdout()).map_or(USUAL_SIZE, |(Width(columns), Height(lines))| {
        (usize::from(lines), usize::from(columns))
    })
}

/// What overwrites a terminal of that size: no line longer than it is wide, and where there are
/// more lines than it has, a last one that says how many are not shown.
fn frame(lines: &[String], (height, width): (usize, usize)) -> String {
    let fits = lines.len() <= height;
    let shown = if fits {
        lines.len()
    } else {
        height.saturating_sub(1)
    };
    let more = lines.len().saturating_sub(shown);
    let last = (!fits).then(|| format!("… {more} more lines"));
    let cut = |line: &String| line.chars().take(width).collect::<String>();
    let all: Vec<String> = lines
        .iter()
        .take(shown)
        .chain(&last)
        .map(|line| format!("{}{CLEAR_LINE_END}", cut(line)))
        .collect();
    // No line feed after the last: it would scroll a full screen.
    format!("{HOME}{}{CLEAR_BELOW}", all.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_overwrites_the_last_one_and_never_scrolls() {
        let lines: Vec<String> = ["one", "two is long", "three", "four"]
            .map(str::to_owned)
            .into();
        assert_eq!(
            frame(&lines, (4, 20)),
            "\x1b[Hone\x1b[K\r\ntwo is long\x1b[K\r\nthree\x1b[K\r\nfour\x1b[K\x1b[J"
        );
        assert_eq!(
            frame(&lines, (3, 3)),
            "\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\n… 2\x1b[K\x1b[J"
        );
        assert_eq!(frame(&[], (3, 3)), "\x1b[H\x1b[J");
    }
}

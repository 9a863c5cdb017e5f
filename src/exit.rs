//! stub
use std::process::ExitCode;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    Error = 1,
    HostFailed = 2,
    Unreachable = 4,
    Usage = 5,
    Interrupted = 99,
}
impl Exit {
    pub fn code(self) -> i32 {
        self as i32
    }
}
impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        ExitCode::from(e as u8)
    }
}

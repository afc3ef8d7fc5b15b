//! Restricts a worker process before it reads the first byte of a file: limits on memory, processor
//! time and files and, on Linux, a seccomp filter that allows only the system calls needed to
//! compute.
//!
//! Other systems have no such filter, and macOS does not enforce memory limits: there a worker
//! process has the limits that exist, its deadline, and a cleared environment.

use super::pool::MAX_SIZE;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MB: u64 = 1024 * 1024;
/// Maximum processor time of a process over its lifetime, in seconds.
const WHOLE_LIFE: u64 = 3_600;

/// Memory limits of this process, in bytes.
pub(super) struct Limits {
    memory: u64,
    /// Memory of the program itself, in bytes.
    own: u64,
}

/// Drops all rights that reading a file does not need. `stack` is the size of the working thread's
/// stack, in bytes. The error says why system calls are not filtered; the limits apply in any case.
pub(super) fn enter(memory_mb: u64, stack: usize) -> (Limits, Result<(), String>) {
    // A refusal is harmless: only the priority stays.
    let _ = rustix::process::nice(5);
    // When memory runs out, Linux kills this process before its parent.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let own = own_memory() + stack as u64;
    let limits = Limits { memory: memory_mb.saturating_mul(MB), own };
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
        (Resource::Cpu, WHOLE_LIFE),
        (Resource::Data, own + limits.memory + MAX_SIZE as u64),
    ] {
        limit(resource, most, Some(most));
    }
    (limits, filter::install())
}

impl Limits {
    /// Sets the limits for a task: its processor time, and memory for its bytes on top of the
    /// usual.
    pub(super) fn allow(&self, seconds: u32, body: u64) {
        limit(Resource::Data, self.own + self.memory + body, None);
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
        // With a core of its own, the process meets its deadline before this limit.
        let until = u64::try_from(used).unwrap_or(0) + u64::from(seconds) + 2;
        limit(Resource::Cpu, until, None);
    }
}

/// Sets a limit, at most to the current hard limit.
fn limit(resource: Resource, soft: u64, hard: Option<u64>) {
    let now = getrlimit(resource);
    let hard = match (hard, now.maximum) {
        (Some(wanted), Some(now)) => Some(wanted.min(now)),
        (wanted, now) => wanted.or(now),
    };
    let soft = hard.map_or(soft, |hard| soft.min(hard));
    // A system may lack this limit; the others still apply.
    let _ = setrlimit(resource, Rlimit { current: Some(soft), maximum: hard });
}

/// Closes file descriptors inherited from the parent's parent. Call it before opening anything.
pub(super) fn close_inherited() {
    let Ok(open) = std::fs::read_dir("/dev/fd") else { return };
    let numbers: Vec<i32> =
        open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // The directory's own descriptor is in the list, but closed already.
    let is_open = |number: &i32| std::fs::symlink_metadata(format!("/dev/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(|number| *number > 2).filter(is_open) {
        #[expect(unsafe_code, reason = "a file that nobody here opened has no owner to close it")]
        // SAFETY: the process has just started, with one thread, and owns no descriptors but the
        // first three.
        unsafe {
            rustix::io::close(number);
        }
    }
}

/// Memory that counts against the limit before anything is read, in bytes.
fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kb.unwrap_or(64 * 1024) * 1024
}

#[cfg(target_os = "linux")]
mod filter {
    use std::collections::BTreeMap;

    use rustix::process::{DumpableBehavior, getpid, set_dumpable_behavior};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter,
    };

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// System calls allowed with any arguments: memory, threads, time, randomness, open pipes.
    const FREE: &[i64] = &[
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_ppoll,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_restart_syscall,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_getppid,
        libc::SYS_membarrier,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
    ];

    /// Allows listed system calls and refuses all others by number, including ones that newer
    /// kernels add.
    pub(super) fn install() -> Result<(), String> {
        // No core dump with a customer's document, not even through a core handler.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        // The filter cannot inspect `clone3` flags. With ENOSYS, the C library falls back to
        // `clone`.
        let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
        let unknown = errno(libc::ENOSYS);
        apply(SeccompFilter::new(clone3, SeccompAction::Allow, unknown, arch()?))?;
        let mut rules: Rules = FREE.iter().map(|call| (*call, Vec::new())).collect();
        rules.extend(conditional()?);
        // The first filter decides on this one.
        rules.insert(libc::SYS_clone3, Vec::new());
        apply(SeccompFilter::new(rules, errno(libc::EPERM), SeccompAction::Allow, arch()?))
    }

    /// System calls allowed only with certain arguments.
    fn conditional() -> Result<Rules, String> {
        let number = |number: i32| u64::from(number.unsigned_abs());
        let own = number(getpid().as_raw_nonzero().get());
        let (exec, thread) = (number(libc::PROT_EXEC), number(libc::CLONE_THREAD));
        let shared = number(libc::MAP_SHARED);
        let (not_run, not_shared) = (
            condition(2, SeccompCmpOp::MaskedEq(exec), 0)?,
            condition(3, SeccompCmpOp::MaskedEq(shared), 0)?,
        );
        Ok(Rules::from([
            // No executable memory, and no shared memory, which no limit counts.
            (libc::SYS_mmap, all(vec![not_run, not_shared])?),
            (libc::SYS_mprotect, rule(2, SeccompCmpOp::MaskedEq(exec), 0)?),
            // Threads, but no processes.
            (libc::SYS_clone, rule(0, SeccompCmpOp::MaskedEq(thread), thread)?),
            // Signals only to itself, so that it can abort.
            (libc::SYS_tgkill, rule(0, SeccompCmpOp::Eq, own)?),
            // Only its own limits.
            (libc::SYS_prlimit64, rule(0, SeccompCmpOp::Eq, 0)?),
            // Names of its threads.
            (libc::SYS_prctl, rule(0, SeccompCmpOp::Eq, number(libc::PR_SET_NAME))?),
            (libc::SYS_fcntl, rule(1, SeccompCmpOp::Eq, number(libc::F_GETFD))?),
        ]))
    }

    fn rule(argument: u8, is: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, String> {
        all(vec![condition(argument, is, value)?])
    }

    /// A rule that holds when all conditions hold.
    fn all(conditions: Vec<SeccompCondition>) -> Result<Vec<SeccompRule>, String> {
        Ok(vec![SeccompRule::new(conditions).map_err(|error| wrong(&error))?])
    }

    fn condition(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value);
        condition.map_err(|error| wrong(&error))
    }

    fn wrong(error: &seccompiler::BackendError) -> String {
        format!("the filter of system calls cannot be made: {error}")
    }

    fn errno(number: i32) -> SeccompAction {
        SeccompAction::Errno(number.unsigned_abs())
    }

    fn arch() -> Result<seccompiler::TargetArch, String> {
        let here = std::env::consts::ARCH;
        here.try_into().map_err(|_| format!("there is no filter of system calls for {here}"))
    }

    fn apply(filter: Result<SeccompFilter, seccompiler::BackendError>) -> Result<(), String> {
        let program: Result<BpfProgram, _> = filter.and_then(TryInto::try_into);
        let program = program.map_err(|error| error.to_string())?;
        apply_filter(&program).map_err(|error| format!("system calls cannot be filtered: {error}"))
    }
}

#[cfg(not(target_os = "linux"))]
mod filter {
    pub(super) fn install() -> Result<(), String> {
        Err("this system has no filter of system calls".into())
    }
}

//! What a worker process takes from itself before it reads the first byte of a file: memory, processor time, files, and on
//! Linux every system call that computing does not need.
//!
//! Elsewhere the kernel has no such filter, and macOS does not hold to limits of memory: there a worker process has the limits
//! that there are, its deadline, and an environment of its own.

use super::pool::LARGEST;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MB: u64 = 1024 * 1024;
/// The processor time that a process has in all its life, in seconds.
const WHOLE_LIFE: u64 = 3_600;

/// The limits of this process.
pub(super) struct Limits {
    memory: u64,
    /// What the program itself takes, in bytes.
    own: u64,
}

/// Gives up what reading a file does not need; `stack` is that of the thread that works, in bytes. The error says why system calls
/// are not filtered; the limits hold all the same.
pub(super) fn enter(memory_mb: u64, stack: usize) -> (Limits, Result<(), String>) {
    // A refusal changes nothing: it goes as fast as before.
    let _ = rustix::process::nice(5);
    // Where memory is short, Linux ends this process before the desk.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let own = own_memory() + stack as u64;
    let limits = Limits { memory: memory_mb.saturating_mul(MB), own };
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
        (Resource::Cpu, WHOLE_LIFE),
        (Resource::Data, own + limits.memory + LARGEST as u64),
    ] {
        limit(resource, most, Some(most));
    }
    (limits, filter::install())
}

impl Limits {
    /// Allows a task its processor time, and the memory for its bytes beside what every task has.
    pub(super) fn allow(&self, seconds: u32, body: u64) {
        limit(Resource::Data, self.own + self.memory + body, None);
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
        // The deadline comes first where the process has a core for itself.
        let until = u64::try_from(used).unwrap_or(0) + u64::from(seconds) + 2;
        limit(Resource::Cpu, until, None);
    }
}

/// Lowers a limit; never beyond what the process may have.
fn limit(resource: Resource, soft: u64, hard: Option<u64>) {
    let now = getrlimit(resource);
    let hard = match (hard, now.maximum) {
        (Some(wanted), Some(now)) => Some(wanted.min(now)),
        (wanted, now) => wanted.or(now),
    };
    let soft = hard.map_or(soft, |hard| soft.min(hard));
    // A system without this limit has the others.
    let _ = setrlimit(resource, Rlimit { current: Some(soft), maximum: hard });
}

/// Closes what whoever started the desk left open for its children. Before anything is opened here.
pub(super) fn close_inherited() {
    let Ok(open) = std::fs::read_dir("/dev/fd") else { return };
    let numbers: Vec<i32> =
        open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // The folder itself was one of them, and is closed already.
    let is_open = |number: &i32| std::fs::symlink_metadata(format!("/dev/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(|number| *number > 2).filter(is_open) {
        #[expect(unsafe_code, reason = "a file that nobody here opened has no owner to close it")]
        // SAFETY: the process has just begun, on one thread, and holds no file but the first three.
        unsafe {
            rustix::io::close(number);
        }
    }
}

/// The memory that counts against the limit before anything was read, in bytes.
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

    /// What computing needs, whatever its arguments: memory, threads, time, chance, the pipes that are open.
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

    /// Allows what is on the list and refuses all else, by number: also what a kernel has that this list does not know.
    pub(super) fn install() -> Result<(), String> {
        // No core file of a customer's document, not even where a program catches them.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        // Its flags cannot be looked at: refused as unknown, the C library takes the older `clone`.
        let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
        let unknown = errno(libc::ENOSYS);
        apply(SeccompFilter::new(clone3, SeccompAction::Allow, unknown, arch()?))?;
        let mut rules: Rules = FREE.iter().map(|call| (*call, Vec::new())).collect();
        rules.extend(conditional()?);
        // The other filter has the say on this one.
        rules.insert(libc::SYS_clone3, Vec::new());
        apply(SeccompFilter::new(rules, errno(libc::EPERM), SeccompAction::Allow, arch()?))
    }

    /// What is needed with some arguments only.
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
            // No memory that can be run, and none that is shared: no limit counts that.
            (libc::SYS_mmap, all(vec![not_run, not_shared])?),
            (libc::SYS_mprotect, rule(2, SeccompCmpOp::MaskedEq(exec), 0)?),
            // Threads, and no processes.
            (libc::SYS_clone, rule(0, SeccompCmpOp::MaskedEq(thread), thread)?),
            // To end itself, and nobody else.
            (libc::SYS_tgkill, rule(0, SeccompCmpOp::Eq, own)?),
            // Its own limits.
            (libc::SYS_prlimit64, rule(0, SeccompCmpOp::Eq, 0)?),
            // The names of its threads.
            (libc::SYS_prctl, rule(0, SeccompCmpOp::Eq, number(libc::PR_SET_NAME))?),
            (libc::SYS_fcntl, rule(1, SeccompCmpOp::Eq, number(libc::F_GETFD))?),
        ]))
    }

    fn rule(argument: u8, is: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, String> {
        all(vec![condition(argument, is, value)?])
    }

    /// All of these have to hold.
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

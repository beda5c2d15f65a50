/*
 * Forking while another thread allocates its thread state
 *
 * A worker allocates the thread state of its first `PyGILState_Ensure` when main forks.
 *
 * Since 3.15 that call holds a guard meanwhile, and in the child nobody closes it: finalization waits there for ever. The
 * program's allocator, which notes what is taken, is where the worker stands: any slow one would do.
 *
 * Fix: no other thread may call in while the process forks (guard/fork-amid-gilstate-ensure-fixed.capi), or the child ends
 * without finalizing.
 * Measured: 3.14.10: ends; 3.15.2: the child waits for ever.
 * Covers: U08, L12, S67
 *
 * scenarios/guard/fork-in-an-allocation.capi under CPython 3.15: child(deadlock(main))
 *
 * Forced: every run of the model with the calls in this order ends so.
 *
 *     #  main                      worker (foreign)               GIL   what changed
 *     1  Py_Initialize()           .                              main  main attached; initialized
 *     2  alloc_hook(noting)        .                              main
 *     3  start worker              .                              main
 *     4  wait allocates [waits]    .                              main
 *     5  [waits]                   PyGILState_STATE g =           main
 *                                    PyGILState_Ensure()
 *     6  [waits]                   `- post allocates              main
 *     7  [waits]                   `- wait forked [waits]         main
 *     8  | PyOS_BeforeFork()       [waits]                        main
 *     9  fork                      [waits]                        main
 *    10  | PyOS_AfterFork_Child()  [waits]                        main  forked: the run goes on as
 *        |                                                              the child; main detached;
 *        |                                                              main attached
 *    11  Py_FinalizeEx() [waits]   [waits]                        -     main detached
 *
 *   | inside the call above   `- in a callback
 *
 *   The run went on as the forked process: the other threads are not in it, and what they held stays
 *   held.
 *   Nobody who has not ended can go on.
 *   main, in line 30 (Py_FinalizeEx()), waits until no guard is open: worker opened one with
 *   PyGILState_Ensure() in line 42, and nobody closed it; worker is not in the forked process.
 *
 *     cc FILE.c -o FILE $(python3-config --cflags --embed --ldflags) -pthread && ./FILE
 *
 * Linux. Its last lines say what was expected and what was seen; it exits with 0 if they agree.
 */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"

#if PY_MAJOR_VERSION != 3 || PY_MINOR_VERSION != 15
#error "this file shows a run of CPython 3.15: compile it for that release"
#endif

#ifndef WATCHDOG
#define WATCHDOG 3000  /* milliseconds without progress after which it is stuck */
#endif
#ifndef CALM
#define CALM 20        /* looks, a millisecond each, at which all other threads must be still */
#endif
#define PATIENCE 250   /* looks, after which a thread that is not still is taken to go round */

#define EXPECTED "child(deadlock(main))"
#define EXPECTED_INNER "deadlock(main)"
#define EXPECTED_FATAL ""
#define EXPECTED_THREADS (1 << T_main)
#define HANGS_UNSEEN (0)
#define IN_CHILD 1
#define LAST_TURN 3

enum { T_main, T_worker, THREADS };
enum { CALLBACKS };

static const char *const names[] = {"main", "worker"};
static const char *const callbacks[] = {NULL};
static void *thread_main(void *);
static void *thread_worker(void *);
static void *(*const bodies[])(void *) = {thread_main, thread_worker};

/* ---- Whose turn it is ---------------------------------------------------
 *
 * turn(n)     waits for the n-th turn, and then until every other thread is still: asleep, or waiting for its turn
 * pass(n, t)  gives the n-th turn to thread t, just before this thread goes into a statement that may block
 * DO(...)     one statement of the scenario
 */

enum { IDLE, MOVES, WAITS, ENDED, UNWOUND, PARKED, GONE };

static struct shared {
    struct thread {
        const char *name;
        const char *volatile doing;             /* the statement that it is inside */
        atomic_int state, tid, busy, done;
        sem_t go;
    } threads[THREADS];
    atomic_int turn, progress, ended, pid, forks;
    atomic_int accepted[CALLBACKS + 1], ran[CALLBACKS + 1];
    const char *volatile failed;
} *shared;

static __thread struct thread *me;
static pthread_t first_thread;
static pthread_key_t thread_end;

static void say(const char *what)
{
    char line[512];
    int length = snprintf(line, sizeof line, "%s: %s\n", me ? me->name : "?", what);
    if (write(STDOUT_FILENO, line, length < (int)sizeof line ? length : (int)sizeof line - 1) < 0)
        return;
}

/* The state letter of a thread of a process, as ps shows it. */
static char letter(int pid, int tid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return 'X';
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    char *end = strrchr(text, ')');
    return length > 0 && end && end[1] ? end[2] : 'X';
}

static int is_exempt(int tid)
{
    for (int t = 0; t < THREADS; t++)
        if (shared->threads[t].tid == tid && (shared->threads[t].busy || shared->threads[t].state == WAITS))
            return 1;
    return 0;
}

static int somebody_moves(void)
{
    int moves = 0, own = syscall(SYS_gettid);
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks)) != NULL;) {
        int tid = atoi(task->d_name);
        if (tid != 0 && tid != own && !is_exempt(tid) && strchr("SZX", letter(getpid(), tid)) == NULL)
            moves = 1;
    }
    if (tasks)
        closedir(tasks);
    return moves;
}

/* Waits until nothing moves; but not for ever for one that goes round. */
static void settle(void)
{
    for (int calm = 0, looks = 0; calm < CALM && looks < PATIENCE; calm++, looks++) {
        usleep(1000);
        shared->progress++;
        if (somebody_moves())
            calm = 0;
    }
}

/* A statement begins when nothing moves any more, if another thread is under way. */
static void settle_beside_others(void)
{
    for (int t = 0; t < THREADS; t++)
        if (&shared->threads[t] != me && shared->threads[t].state == MOVES) {
            settle();
            return;
        }
}

static const char *enter(const char *statement)
{
    const char *outer = me ? me->doing : NULL;
    settle_beside_others();
    say(statement);
    if (me)
        me->doing = statement;
    shared->progress++;
    return outer;
}

static void leave(const char *outer)
{
    if (me)
        me->doing = outer;
    shared->progress++;
}

#define DO(...) do { const char *outer_ = enter(#__VA_ARGS__); __VA_ARGS__; leave(outer_); } while (0)

static void turn(int n)
{
    const char *doing = me->doing;
    me->state = WAITS;
    while (shared->turn != n)
        sem_wait(&me->go);
    settle();
    me->state = MOVES;
    me->doing = doing;
    shared->progress++;
}

static void pass(int n, int t)
{
    shared->turn = n;
    shared->progress++;
    sem_post(&shared->threads[t].go);
}

/* The process ends, once all others have gone as far as they can. */
static void finish(int status)
{
    settle();
    shared->ended = 1;
    _exit(status);
}

/* The run goes no further here. */
static void stop(void)
{
    me->state = WAITS;
    for (;;)
        sem_wait(&me->go);
}

static int is_over(int t)
{
    return shared->threads[t].state == ENDED || shared->threads[t].state == UNWOUND;
}

static int is_parked(int t)
{
    return shared->threads[t].state == PARKED;
}

static void begin_thread(int t)
{
    me = &shared->threads[t];
    me->tid = syscall(SYS_gettid);
    me->state = MOVES;
    pthread_setspecific(thread_end, me);
}

/* Runs where a thread ends, also one that finalization unwinds. */
static void thread_ends(void *thread)
{
    me = thread;
    me->state = me->done ? ENDED : UNWOUND;
}

/* With this, libpython parks threads for good. */
int pause(void)
{
    if (me)
        me->state = PARKED;
    for (;;)
        sleep(3600);
}

static const struct { int as_child, turn, pass, to; } forks[16] = {{.as_child = 1, .turn = 0, .pass = 0, .to = 0}};

static int in_child;

/* The run goes on as one process of each fork: as the other, it ends or passes on how that one ended. */
pid_t fork(void)
{
    static pid_t (*real)(void);
    if (real == NULL)
        real = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork");
    if (shared == NULL || me == NULL)
        return real();
    int number = shared->forks++, as_child = forks[number].as_child, status = 0;
    if (forks[number].turn)
        turn(forks[number].turn);
    pid_t pid = real();
    if (pid < 0)
        return pid;
    if ((pid == 0) != as_child) {
        if (pid == 0)
            _exit(0);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFSIGNALED(status)) {
            signal(WTERMSIG(status), SIG_DFL);
            kill(getpid(), WTERMSIG(status));
        }
        _exit(WEXITSTATUS(status));
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        me->tid = syscall(SYS_gettid);
        shared->pid = getpid();
        in_child = 1;
        for (int t = 0; t < THREADS; t++)
            if (&shared->threads[t] != me && shared->threads[t].state != ENDED)
                shared->threads[t].state = shared->threads[t].state == IDLE ? IDLE : GONE;
    } else {
        waitpid(pid, &status, 0);
    }
    if (forks[number].pass)
        pass(forks[number].pass, forks[number].to);
    return pid;
}

/* ---- Memory: who looks on while it is taken, and what fails --------------
 *
 * MAKES(what, ...)  a call that makes something: only its memory is looked at, or not there
 */

enum { NOTHING, INTERPRETER, STATE, BLOCK, OBJECT };

static __thread int making;                 /* what the call makes */
static __thread int taken;                  /* of that, the memory that was taken: bits */
static __thread int telling;                /* inside the callback that looks on */
static PyMemAllocatorEx raw_memory, object_memory;
static int (*volatile looks_on)(void);
static atomic_int memory_fails, interpreter_fails, state_fails;

#define MAKES(what, ...) ({ int made_before_ = making, taken_before_ = taken; making = what; taken = 0; \
    __typeof__(__VA_ARGS__) made_ = __VA_ARGS__; making = made_before_; taken = taken_before_; made_; })

/* An interpreter is larger than what else is taken while one is made. Since 3.13 a thread state is larger than its public part. */
#define INTERPRETER_MIN (8 * sizeof(PyThreadState))
#define STATE_MIN sizeof(PyThreadState)
#if PY_VERSION_HEX < 0x030D0000
#define is_state(size) ((size) == STATE_MIN)
#else
#define is_state(size) ((size) >= STATE_MIN && (size) < INTERPRETER_MIN)
#endif

/* Whether this is the memory of what the call makes: the first of its kind. */
static int is_what_is_made(size_t size)
{
    int what = NOTHING;
    if (making == INTERPRETER && !(taken & 1 << INTERPRETER) && size >= INTERPRETER_MIN)
        what = INTERPRETER;
    else if (making == INTERPRETER && taken == 1 << INTERPRETER && PY_VERSION_HEX < 0x030D0000 && is_state(size))
        what = STATE;
    else if (making == STATE && taken == 0 && is_state(size))
        what = STATE;
    else if (making == BLOCK && taken == 0)
        what = BLOCK;
    else if (making == BLOCK && taken == 1 << BLOCK && is_state(size))
        what = STATE;
    taken |= 1 << what & ~1;
    return what;
}

static void tell_of_memory(void)
{
    int (*callback)(void) = looks_on;
    if (callback == NULL || telling)
        return;
    int made_before = making, taken_before = taken;
    telling = 1;
    making = NOTHING;
    callback();
    making = made_before;
    taken = taken_before;
    telling = 0;
}

/* Tells who looks on; whether there is no memory this time. */
static int has_no_memory(size_t size)
{
    int what = making ? is_what_is_made(size) : NOTHING;
    if (what == INTERPRETER || what == STATE)
        tell_of_memory();
    return (what == INTERPRETER && atomic_exchange(&interpreter_fails, 0))
        || (what == STATE && making == INTERPRETER && atomic_exchange(&state_fails, 0))
        || (what != NOTHING && atomic_exchange(&memory_fails, 0));
}

static void *raw_malloc(void *context, size_t size)
{
    return has_no_memory(size) ? NULL : raw_memory.malloc(context, size);
}

static void *raw_calloc(void *context, size_t count, size_t size)
{
    return has_no_memory(count * size) ? NULL : raw_memory.calloc(context, count, size);
}

static void *object_malloc(void *context, size_t size)
{
    if (making == OBJECT && taken == 0) {
        taken = 1 << OBJECT;
        tell_of_memory();
    }
    return object_memory.malloc(context, size);
}

static void take_memory(void)
{
    static int done;
    if (done++)
        return;
    PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &raw_memory);
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &object_memory);
    PyMemAllocatorEx raw = raw_memory, object = object_memory;
    raw.malloc = raw_malloc;
    raw.calloc = raw_calloc;
    object.malloc = object_malloc;
    PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &raw);
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &object);
}

/* The callback runs in each allocation of what the scenario makes; none does, if it is null. */
static void alloc_hook(int (*callback)(void))
{
    take_memory();
    looks_on = callback;
}

/* The next of these has no memory. */
static void fail(atomic_int *what)
{
    take_memory();
    *what = 1;
}

static void *start_routine(void *thread)
{
    int t = (int)(intptr_t)thread;
    begin_thread(t);
    bodies[t](NULL);
    me->done = 1;
    return NULL;
}

static void start(int t)
{
    pthread_t thread;
    shared->threads[t].state = MOVES;
    pthread_create(&thread, NULL, start_routine, (void *)(intptr_t)t);
    pthread_detach(thread);
}

/* ---- The scenario ------------------------------------------------------- */

static sem_t allocates;
static sem_t forked;
static int noting_runs;
static int noting(void);

static int noting(void)
{
    noting_runs++;
    if (noting_runs > 1)
        return 0;  /* more often than in the model's run */
    DO(sem_post(&allocates));
    pass(2, T_main);
    turn(3);
    DO(sem_wait(&forked));
    stop();
    return 0;
}

static void *thread_main(void *unused)
{
    sem_init(&allocates, 0, 0);
    sem_init(&forked, 0, 0);
    Py_NoSiteFlag = 1;
    DO(Py_Initialize());
    DO(alloc_hook(noting));
    DO(start(T_worker));
    pass(1, T_worker);
    turn(2);
    DO(sem_wait(&allocates));
    DO(PyOS_BeforeFork());
    DO(fork());
    DO(PyOS_AfterFork_Child());
    pass(3, T_worker);
    DO(Py_FinalizeEx());
    stop();
    return NULL;
}

static void *thread_worker(void *unused)
{
    PyGILState_STATE g;

    turn(1);
    DO(g = MAKES(STATE, PyGILState_Ensure()));
    stop();
    return NULL;
}

/* ---- What was seen ------------------------------------------------------ */

static char seen[512], errors[1 << 16];

static int threads_in(int state)
{
    int mask = 0;
    for (int t = 0; t < THREADS; t++)
        if (shared->threads[t].state == state)
            mask |= 1 << t;
    return mask;
}

static int threads_inside(void)
{
    int mask = 0;
    for (int t = 0; t < THREADS; t++)
        if (shared->threads[t].doing && (shared->threads[t].state == MOVES || shared->threads[t].state == PARKED))
            mask |= 1 << t;
    return mask;
}

/* Those that the model names, if they are among them. */
static const char *named(const char *outcome, int mask)
{
    if ((mask & EXPECTED_THREADS) == EXPECTED_THREADS && EXPECTED_THREADS)
        mask = EXPECTED_THREADS;
    snprintf(seen, sizeof seen, "%s(", outcome);
    for (int t = 0, first = 1; t < THREADS; t++)
        if (mask & 1 << t) {
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", first ? "" : ", ", shared->threads[t].name);
            first = 0;
        }
    strcat(seen, ")");
    return seen;
}

/* Nanoseconds that a thread has run. */
static long long time_of(int tid)
{
    char path[64];
    long long time = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)shared->pid, tid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lld", &time) != 1)
        time = 0;
    if (file)
        fclose(file);
    return time;
}

/* Those that run. Other programs may keep them from it for a while, so that there are some looks, and more if one should. */
static int those_that_run(void)
{
    int running = 0, most = strncmp(EXPECTED_INNER, "livelock", 8) == 0 ? 50 : 5;
    for (int looks = 0; looks < most && !running; looks++) {
        long long before[THREADS];
        for (int t = 0; t < THREADS; t++)
            before[t] = shared->threads[t].tid ? time_of(shared->threads[t].tid) : 0;
        usleep(100000);
        for (int t = 0; t < THREADS; t++) {
            struct thread *thread = &shared->threads[t];
            if (thread->tid && thread->state == MOVES && time_of(thread->tid) - before[t] > 5000000)
                running |= 1 << t;
        }
    }
    return running;
}

/* Nothing went on for a while: says where each thread is. Returns those that run. */
static int where(void)
{
    int running = those_that_run();
    for (int t = 0; t < THREADS; t++) {
        struct thread *thread = &shared->threads[t];
        int runs = running >> t & 1;
        const char *how = thread->state == WAITS ? "waits for its turn" : thread->state == PARKED ? "is parked for good"
            : thread->state == UNWOUND ? "was ended by finalization" : thread->state == ENDED ? "has ended"
            : thread->state == GONE ? "is not in this process" : thread->state == IDLE ? "was not started"
            : runs ? "goes round" : "waits";
        printf("%s %s%s%s\n", thread->name, how, thread->doing ? " in " : "", thread->doing ? thread->doing : "");
    }
    return running;
}

static const char *judge(int status, int stuck)
{
    const char *fatal = strstr(errors, "Fatal Python error");
    if (shared->failed) {
        printf("failed: %s\n", shared->failed);
        return "assertion";
    }
    if (stuck) {
        int running = where(), waiting = threads_in(MOVES) | threads_in(PARKED);
        if (shared->turn < LAST_TURN || !(running | waiting))
            return "another order than the model's";
        if (running && (threads_inside() & EXPECTED_THREADS) == EXPECTED_THREADS)
            running = EXPECTED_THREADS;
        return running ? named("livelock", running) : named("deadlock", waiting);
    }
    if ((EXPECTED_FATAL)[0] && (fatal || WEXITSTATUS(status)) && strstr(errors, EXPECTED_FATAL))
        return EXPECTED_INNER;
    if (fatal) {
        snprintf(seen, sizeof seen, "fatal(\"%.*s\")", (int)strcspn(fatal, "\n"), fatal);
        return seen;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGINT) {  /* that one is the scenario's own */
        printf("killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return strncmp(EXPECTED_INNER, "crash", 5) == 0 ? EXPECTED_INNER : "crash";
    }
    if (strncmp(EXPECTED_INNER, "deadlock", 8) == 0 && (threads_inside() & EXPECTED_THREADS) == EXPECTED_THREADS)
        return named("deadlock", EXPECTED_THREADS);
    for (int callback = 0; callback < CALLBACKS; callback++)
        if (shared->ran[callback] != shared->accepted[callback]) {
            const char *what = shared->ran[callback] > shared->accepted[callback] ? "repeated" : "lost";
            snprintf(seen, sizeof seen, "%s(%s)", what, callbacks[callback]);
            return seen;
        }
    if (threads_in(UNWOUND))
        return named("exit", threads_in(UNWOUND));
    if (threads_in(PARKED) | (threads_inside() & HANGS_UNSEEN))
        return named("hang", threads_in(PARKED) | (threads_inside() & HANGS_UNSEEN));
    return "ok";
}

/* What the environment and who starts this ask of Python is none of the scenario's; but it may say where Python is. */
static void forget_settings(void)
{
    for (int i = 0; environ[i] != NULL;) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
        if (strncmp(name, "PYTHON", 6) == 0 && strcmp(name, "PYTHONHOME") != 0 && strcmp(name, "PYTHONPATH") != 0
            && unsetenv(name) == 0)
            i = 0;
        else
            i++;
    }
    signal(SIGINT, SIG_DFL);
}

int main(void)
{
    forget_settings();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int t = 0; t < THREADS; t++) {
        shared->threads[t].name = names[t];
        sem_init(&shared->threads[t].go, 1, 0);
    }
    FILE *log = tmpfile();
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fileno(log), STDERR_FILENO);
        pthread_key_create(&thread_end, thread_ends);
        shared->pid = getpid();
        first_thread = pthread_self();
        begin_thread(0);
        bodies[0](NULL);
        finish(0);
    }
    int status = 0, stuck = 0, progress = -1, idle = 0, latest = -1, same = 0;
    for (; waitpid(child, &status, WNOHANG) == 0 && !stuck; usleep(10000)) {
        idle = progress == shared->progress ? idle + 10 : 0;
        progress = shared->progress;
        same = latest == shared->turn ? same + 10 : 0;
        latest = shared->turn;
        stuck = idle >= WATCHDOG || same >= 10 * WATCHDOG;  /* statements may follow each other for ever */
    }
    rewind(log);
    errors[fread(errors, 1, sizeof errors - 1, log)] = '\0';
    fputs(errors, stderr);
    const char *outcome = judge(status, stuck);
    if (stuck)
        kill(-child, SIGKILL);
    char text[600];
    snprintf(text, sizeof text, IN_CHILD ? "child(%s)" : "%s", outcome);
    printf("expected: %s\nseen:     %s\n", EXPECTED, text);
    return strcmp(text, EXPECTED) != 0;
}

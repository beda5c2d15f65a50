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
    STATES
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
    AT_THREAD_END
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


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
    if (WIFSIGNALED(status)) {
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
    FINALLY
    if (threads_in(UNWOUND))
        return named("exit", threads_in(UNWOUND));
    if (threads_in(PARKED) | (threads_inside() & HANGS_UNSEEN))
        return named("hang", threads_in(PARKED) | (threads_inside() & HANGS_UNSEEN));
    return "ok";
}

int main(void)
{
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

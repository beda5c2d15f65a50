static void fails(const char *what)
{
    shared->failed = what;
    _exit(0);
}

#define EXPECT(...) ((__VA_ARGS__) ? (void)0 : fails(#__VA_ARGS__))


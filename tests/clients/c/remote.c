/* libvalkey, told what to do a line at a time: remote HOST:PORT...; see ../README.md. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <valkey/cluster.h>

enum { MOST_WORDS = 32, MOST_WRITES = 100000, LINE = 4096 };

static char addresses[1024];
static const struct timeval timeout = {1, 0};

static valkeyClusterContext *connect_cluster(void) {
    valkeyClusterOptions options = {0};
    options.initial_nodes = addresses;
    options.connect_timeout = options.command_timeout = &timeout;
    options.max_retry = 5;
    options.options = VALKEY_OPT_BLOCKING_INITIAL_UPDATE;
    return valkeyClusterConnectWithOptions(&options);
}

/* Keys that a thread sets, one after the other, until it is to end. */
static struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    valkeyClusterContext *client;
    int run, ending, acknowledged, refused, streak;
    int numbers[MOST_WRITES];
} writer = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void *write_on(void *unused) {
    (void)unused;
    for (int number = 0, ending = 0; !ending && number < MOST_WRITES; number++) {
        valkeyReply *reply = valkeyClusterCommand(writer.client, "SET written:%d:%d %d", writer.run, number, number);
        int is_set = reply != NULL && reply->type == VALKEY_REPLY_STATUS;
        freeReplyObject(reply);
        pthread_mutex_lock(&writer.mutex);
        if (is_set)
            writer.numbers[writer.acknowledged++] = number;
        else
            writer.refused++;
        writer.streak = is_set ? writer.streak + 1 : 0;
        ending = writer.ending;
        pthread_mutex_unlock(&writer.mutex);
        usleep(2000);
    }
    return NULL;
}

static void start_writing(char *answer) {
    writer.run++;
    writer.ending = writer.acknowledged = writer.refused = writer.streak = 0;
    writer.client = connect_cluster();
    pthread_create(&writer.thread, NULL, write_on, NULL);
    strcpy(answer, "writing");
}

static void tell_progress(char *answer) {
    pthread_mutex_lock(&writer.mutex);
    sprintf(answer, "%d %d %d", writer.acknowledged, writer.refused, writer.streak);
    pthread_mutex_unlock(&writer.mutex);
}

/* What is there of all that was acknowledged. */
static void stop_writing(char *answer) {
    int lost = 0;
    pthread_mutex_lock(&writer.mutex);
    writer.ending = 1;
    pthread_mutex_unlock(&writer.mutex);
    pthread_join(writer.thread, NULL);
    for (int at = 0; at < writer.acknowledged; at++) {
        valkeyReply *reply = valkeyClusterCommand(writer.client, "GET written:%d:%d", writer.run, writer.numbers[at]);
        lost += reply == NULL || reply->type != VALKEY_REPLY_STRING || atoi(reply->str) != writer.numbers[at];
        freeReplyObject(reply);
    }
    valkeyClusterFree(writer.client);
    sprintf(answer, "%d %d %d", writer.acknowledged, writer.refused, lost);
}

static void show(const valkeyReply *reply, const char *error, char *answer) {
    if (reply == NULL)
        snprintf(answer, LINE, "! error: %s", error);
    else if (reply->type == VALKEY_REPLY_ERROR)
        snprintf(answer, LINE, "! reply: %s", reply->str);
    else if (reply->type == VALKEY_REPLY_INTEGER)
        snprintf(answer, LINE, "%lld", reply->integer);
    else if (reply->type == VALKEY_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == VALKEY_REPLY_ARRAY)
        strcpy(answer, "! reply of another command");
    else if (reply->type == VALKEY_REPLY_ARRAY)
        for (size_t at = 0, end = 0; at < reply->elements; at++)
            end += snprintf(answer + end, LINE - end, at ? " %s" : "%s", reply->element[at]->str);
    else
        snprintf(answer, LINE, "%s", reply->str != NULL ? reply->str : "nil");
}

static void call(int count, const char **words, char *answer) {
    char host[64];
    int port = 0;
    sscanf(words[1], "%63[^:]:%d", host, &port);
    valkeyContext *node = valkeyConnectWithTimeout(host, port, timeout);
    valkeyReply *reply = valkeyCommandArgv(node, count - 2, words + 2, NULL);
    show(reply, node->errstr, answer);
    freeReplyObject(reply);
    valkeyFree(node);
}

int main(int count, char **arguments) {
    char line[LINE], answer[LINE];
    for (int at = 1; at < count; at++) {
        strcat(addresses, at > 1 ? "," : "");
        strncat(addresses, arguments[at], 64);
    }
    valkeyClusterContext *client = connect_cluster();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("libvalkey %d.%d.%d\n", LIBVALKEY_VERSION_MAJOR, LIBVALKEY_VERSION_MINOR, LIBVALKEY_VERSION_PATCH);
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *words[MOST_WORDS];
        int words_count = 0;
        line[strcspn(line, "\n")] = 0;
        for (char *rest = line, *word; words_count < MOST_WORDS && (word = strsep(&rest, "\t")) != NULL;)
            words[words_count++] = word;
        if (!strcmp(words[0], "call"))
            call(words_count, words, answer);
        else if (!strcmp(words[0], "write"))
            start_writing(answer);
        else if (!strcmp(words[0], "progress"))
            tell_progress(answer);
        else if (!strcmp(words[0], "stop"))
            stop_writing(answer);
        else {
            valkeyReply *reply = valkeyClusterCommandArgv(client, words_count, words, NULL);
            show(reply, client->errstr, answer);
            freeReplyObject(reply);
        }
        printf("%s\n", answer);
    }
    valkeyClusterFree(client);
    return 0;
}

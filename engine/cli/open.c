/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/open.h"

#include <string.h>
#include <unistd.h>

#include "config/config.h"

static int note_origin(void *data, const struct sl_config_entry *entry, struct sl_error *err)
{
    bool *set = data;
    (void)err;
    if (!strcmp(entry->key, "log.level"))
        *set = strcmp(entry->origin, "default") != 0;
    return 0;
}

bool sl_cli_log_wanted(const struct sl_cli *cli)
{
    bool set = false;
    if (cli->globals.log_level)
        return true;
    if (cli->quiet || !cli->config)
        return false;
    if (sl_config_show(cli->config, note_origin, &set, NULL) == 0 && set)
        return true;
    return cli->command && cli->command->logs && !cli->err.terminal;
}

void sl_cli_log(const struct sl_cli *cli, int least)
{
    bool text = strcmp(cli->config->log_format, "json") != 0;
    sl_log_setup((enum sl_log_level)least, text ? SL_LOG_TEXT : SL_LOG_JSON, STDERR_FILENO);
}

static int least_level(const struct sl_cli *cli)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *level = cli->globals.log_level ? cli->globals.log_level : cli->config->log_level;
    if (!sl_cli_log_wanted(cli))
        return SL_CLI_LOG_OFF;
    for (int i = SL_LOG_DEBUG; i <= SL_LOG_ERROR; i++)
        if (!strcmp(level, names[i]))
            return i;
    return SL_LOG_INFO;
}

int sl_cli_config(struct sl_cli *cli, const struct sl_config **out, struct sl_error *err)
{
    const struct sl_cli_list *given = &cli->globals.settings;
    if (!cli->config) {
        struct sl_config_flag *flags = sl_arena_array(cli->arena, given->n + 1, sizeof *flags);
        size_t n = 0;
        for (size_t i = 0; i < given->n; i++) {
            const char *equals = strchr(given->items[i], '=');
            if (!equals || equals == given->items[i])
                return sl_fail(err, SL_E_USAGE, "-c: expected KEY=VALUE, found \"%s\"", given->items[i]);
            flags[n++] = (struct sl_config_flag){
                sl_arena_strndup(cli->arena, given->items[i], (size_t)(equals - given->items[i])), equals + 1};
        }
        if (cli->globals.home)
            flags[n++] = (struct sl_config_flag){"home", cli->globals.home};
        int rc = sl_config_load(flags, n, &cli->config, err);
        if (rc)
            return rc;
        sl_cli_log(cli, least_level(cli));
    }
    *out = cli->config;
    return 0;
}

int sl_cli_cluster(struct sl_cli *cli, struct sl_cluster_options *out, struct sl_error *err)
{
    const struct sl_config *config;
    int rc = sl_cli_config(cli, &config, err);
    if (!rc)
        *out = (struct sl_cluster_options){.home = config->home,
                                           .bin_dir = config->postgres_bin_dir,
                                           .os_user = *config->postgres_os_user ? config->postgres_os_user : NULL,
                                           .database = *config->postgres_db ? config->postgres_db : NULL};
    return rc;
}

void sl_cli_close(struct sl_cli *cli)
{
    if (cli->engine)
        cli->close_engine(cli);
    sl_config_free(cli->config);
    cli->config = NULL;
}

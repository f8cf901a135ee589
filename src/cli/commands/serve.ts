import { type Command, Option } from 'commander'
import { handled } from '../cli.ts'
import { subcommand } from '../program.ts'
import { refuseServer } from '../remote/refuse-server.ts'
import type { ServeFlags } from '../serve/serve.ts'

export function addServe(program: Command): void {
  subcommand(program, 'serve', 'serve a vault over HTTP, on the wire of Vault and OpenBao')
    .option('--listen <host:port>', 'where', '127.0.0.1:8200')
    .option('--tls-cert <file>', 'PEM; a renewed one is taken while it runs')
    .option('--tls-key <file>', 'PEM')
    .option('--insecure', 'let other machines in without TLS')
    .option('--mount <name>', 'under which name the secrets stand', 'secret')
    .addOption(
      new Option('--log <format>', 'every request on stderr; without it, warnings alone').choices([
        'json',
        'words',
        'none',
      ]),
    )
    .option('--metrics-listen <host:port>', 'metrics for whoever reaches it, without a token')
    .option('--projections <file>', 'a JavaScript module whose projections follow the vault')
    .option('--dev', 'a throw-away vault to try things on, open, in a temporary folder')
    .addOption(
      new Option('--dev-root-token-id <token>', 'what its root token is to be').implies({
        dev: true,
      }),
    )
    .action(
      handled<ServeFlags>(async (cli, { options }) => {
        // Whoever serves a vault may well have the variable set for what he asks of it.
        if (cli.globals.given.has('server')) {
          refuseServer(cli.globals, {
            what: 'serve serves a vault on this machine',
            instead: 'muniment serve --vault DIR --listen HOST:PORT',
          })
        }
        // Every other command would wait for the HTTP server to load.
        const { serve } = await import('../serve/serve.ts')
        await serve(cli, options)
      }),
    )
}

import { type Command, Option } from 'commander'
import { handled } from '../cli.ts'
import { subcommand } from '../program.ts'
import type { ServeFlags } from '../serve/serve.ts'

export function addServe(program: Command): void {
  subcommand(program, 'serve', 'serve a vault over HTTP, on the wire of Vault and OpenBao')
    .option('--listen <host:port>', 'where', '127.0.0.1:8200')
    .option('--tls-cert <file>', 'PEM; a renewed one is taken while it runs')
    .option('--tls-key <file>', 'PEM')
    .option('--insecure', 'let other machines in without TLS')
    .option('--mount <name>', 'under which name the secrets stand', 'secret')
    .option('--dev', 'a throw-away vault to try things on, open, in a temporary folder')
    .addOption(
      new Option('--dev-root-token-id <token>', 'what its root token is to be').implies({
        dev: true,
      }),
    )
    .action(
      handled<ServeFlags>(async (cli, { options }) => {
        // Every other command would wait for the HTTP server to load.
        const { serve } = await import('../serve/serve.ts')
        await serve(cli, options)
      }),
    )
}

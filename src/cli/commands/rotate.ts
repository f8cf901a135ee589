import { type Command, Option } from 'commander'
import { type Generator, generate, type RotationTrigger, type SecretInput } from '../../index.ts'
import { handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { addMetaOptions, type MetaFlags, readMetaFlags } from '../meta.ts'
import { integer, subcommand } from '../program.ts'
import { plural } from '../text.ts'
import { generator, readValue, type ValueFlags } from '../value.ts'

interface RotateFlags extends MetaFlags, Omit<ValueFlags, 'generate'> {
  readonly generate?: Generator
  readonly stdin?: boolean
  readonly trigger?: RotationTrigger
  readonly ifVersion?: number
}

export function addRotate(program: Command): void {
  const command = subcommand(
    program,
    'rotate',
    'give a secret a new value, made here unless it is given',
  )
    .argument('<path>')
    .option('--generate <spec>', 'password:32 (the default), hex:32, base64:32, ed25519', generator)
    .option('--from-file <file>', 'take the new value from a file, to the byte')
    .option('--stdin', 'take the new value from stdin')
    .option('--json-value', 'the value is a JSON object of fields')
    .option('--raw', 'keep the newline at the end of stdin')
    .addOption(
      new Option('--trigger <why>', 'what called for it')
        .choices(['manual', 'schedule', 'compromise'])
        .default('manual'),
    )
    .option('--if-version <n>', 'only if it is at this version', integer)
  addMetaOptions(command).action(
    handled<RotateFlags>(async (cli, { args: [path = ''], options }) => {
      const { trigger = 'manual', ifVersion } = options
      const value = await newValue(options)
      const meta = readMetaFlags(options, cli)
      await withVault(cli, async (vault) => {
        const { version, rotationCount, changed, position } = await vault.rotate(path, value, {
          ...cli.call,
          ...meta,
          trigger,
          ...(ifVersion !== undefined && { ifVersion }),
        })
        await cli.out.result(
          { path, version, rotationCount, changed, position },
          () => `${path} is at version ${version}, rotated ${plural(rotationCount, 'time')}`,
        )
        if (!changed) cli.out.warn('the new value is the old one')
        cli.out.note(
          `next, once nothing uses it: muniment destroy ${path} --version ${version - 1}`,
        )
      })
    }),
  )
}

/** Made within the rotation, unless it is given: a generator that fails is then on record too. */
async function newValue(options: RotateFlags): Promise<SecretInput | Generator> {
  const { fromFile, stdin, generate: generator } = options
  const given = [fromFile, stdin, generator].filter((source) => source !== undefined).length
  if (given > 1) throw new UsageError('give one of --from-file, --stdin and --generate')
  if (fromFile !== undefined || stdin === true) return readValue(options)
  return generator ?? generate.password()
}

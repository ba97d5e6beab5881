/** The command line: all commands, and how their outcomes become exit codes. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.ts';
import { GatewayError } from '../errors.ts';
import { capacityCommand } from './capacity.ts';
import { configCommand } from './config.ts';
import { historyCommand } from './history.ts';
import { CommandFailure, exitCodes, UsageError, type Host } from './host.ts';
import { publishCommand } from './publish.ts';
import { serveCommand } from './serve.ts';
import { subscribeCommand } from './subscribe.ts';
import { tokenCommand } from './token.ts';

/**
 * Runs one command; resolves with the exit code of the process. Rejects with errors that are bugs
 * only.
 * @param args what follows the name of the executable
 */
export async function runProgram(
  args: readonly string[],
  version: string,
  host: Host,
): Promise<number> {
  try {
    await createProgram(version, host).parseAsync([...args], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    return report(error, host);
  }
}

function createProgram(version: string, host: Host): Command {
  const program = new Command('trunkline')
    .description(
      'Realtime messaging gateway: WebSocket clients on any node, one broker behind them',
    )
    .version(version, '--version', 'Print the version')
    .helpCommand('help [command]', 'Print the help of a command');
  const commands = [
    serveCommand,
    tokenCommand,
    publishCommand,
    subscribeCommand,
    historyCommand,
    configCommand,
    capacityCommand,
  ];
  for (const create of commands) program.addCommand(create(host));
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .allowExcessArguments(false)
      .helpOption('--help', 'Print this help')
      .configureOutput({
        writeOut: (text) => host.print(text),
        writeErr: (text) => host.printError(text),
      });
  }
  return program;
}

/** Says on standard error what went wrong, and who has to act by the exit code. */
function report(error: unknown, host: Host): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message, or the help that was asked for.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.wrongUsage;
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) host.printError(`error: ${problem}\n`);
    return exitCodes.wrongUsage;
  }
  if (
    error instanceof UsageError ||
    error instanceof CommandFailure ||
    error instanceof GatewayError
  ) {
    host.printError(`error: ${error.message}\n`);
    const isUsage = error instanceof GatewayError && error.code === 'bad-setting';
    return isUsage || error instanceof UsageError ? exitCodes.wrongUsage : exitCodes.failed;
  }
  throw error;
}

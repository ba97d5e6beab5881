/** `trunkline history`: prints the retained messages of a stream. */
import { Command } from 'commander';
import { z } from 'zod';
import { destinationOptions, destinationPath, type DestinationFlags } from './destination-flags.ts';
import { addAccessFlags, resolveAccess, type AccessFlags } from './gateway-access.ts';
import { CommandFailure, type Host } from './host.ts';
import { formatMessage } from './message-text.ts';
import { hubOption, integerParser } from './options.ts';
import { callGateway } from './rest-call.ts';

interface HistoryFlags extends AccessFlags, DestinationFlags {
  readonly after?: string;
  readonly before?: number;
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly json?: boolean;
}

/** The last moment that a date can name, in ms. */
const timeMax = 8.64e15;

const pageSchema = z.object({
  messages: z.array(
    z.object({
      offset: z.int(),
      position: z.string(),
      time: z.int().min(0).max(timeMax),
      fromUserId: z.string().optional(),
      dataType: z.string(),
      data: z.unknown(),
    }),
  ),
  isComplete: z.boolean(),
  hasMore: z.boolean(),
});
type Page = z.infer<typeof pageSchema>;

const examples = `
Messages go to standard output, one line each; what else there is to know goes to standard error.

Examples:
  $ trunkline history --hub chat --group room.1
  $ trunkline history --hub chat --user anna --reverse --limit 10`;

export function historyCommand(host: Host): Command {
  const command = new Command('history')
    .description('Prints the retained messages of a stream')
    .addOption(hubOption())
    .option('--after <position>', 'Only what comes after this position')
    .option(
      '--before <offset>',
      'Only what comes before this offset',
      integerParser(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--limit <number>', 'At most so many (default: 100)', integerParser(1, 10_000))
    .option('--reverse', 'The newest first')
    .option('--json', 'Print the answer of the gateway as it is')
    .addHelpText('after', examples);
  const destinations = destinationOptions({
    all: 'What went to every client of the hub',
    user: 'What went to a user',
    group: 'What went to a group',
  });
  for (const option of destinations) command.addOption(option);
  return addAccessFlags(command).action(async () => {
    const flags = command.opts<HistoryFlags>();
    const path = destinationPath(flags, ['all', 'user', 'group']);
    const { body } = await callGateway(resolveAccess(flags, host.env), {
      method: 'GET',
      pathAndQuery: `${path}/history${queryOf(flags)}`,
    });
    if (flags.json === true) host.print(`${body.toString()}\n`);
    else printPage(parsePage(body.toString()), flags, host);
  });
}

function queryOf({ after, before, limit, reverse }: HistoryFlags): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ after, before, limit, reverse })) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function parsePage(text: string): Page {
  try {
    return pageSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CommandFailure('What answered is no gateway of this version', { cause });
  }
}

function printPage({ hasMore, isComplete, messages }: Page, flags: HistoryFlags, host: Host): void {
  for (const { data, dataType, fromUserId, offset, time } of messages) {
    const origin = flags.group === undefined ? 'server' : 'group';
    const frame = { type: 'message', from: origin, group: flags.group, fromUserId, dataType, data };
    const when = new Date(time).toISOString();
    host.print(`${String(offset)} ${when} ${formatMessage(frame)}\n`);
  }
  if (!isComplete) host.printError('Some messages of this range are not retained any more.\n');
  const last = messages.at(-1);
  if (!hasMore || last === undefined) return;
  const next =
    flags.reverse === true ? `--before ${String(last.offset)}` : `--after ${last.position}`;
  host.printError(`There are more: ${next}\n`);
}

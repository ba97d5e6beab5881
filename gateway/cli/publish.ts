/** `trunkline publish`: sends one message through the REST API. */
import { Command, Option } from 'commander';
import { destinationOptions, destinationPath, type DestinationFlags } from './destination-flags.ts';
import { addAccessFlags, resolveAccess, type AccessFlags } from './gateway-access.ts';
import { UsageError, type Host } from './host.ts';
import { hubOption } from './options.ts';
import { callGateway, messageOf, type RestAnswer } from './rest-call.ts';

interface PublishFlags extends AccessFlags, DestinationFlags {
  readonly text?: string;
  readonly json?: string;
  readonly file?: string;
  readonly contentType?: string;
  readonly id?: string;
}

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
}

const apiVersion = '2024-12-01';
const targets = ['all', 'user', 'group', 'connection'];

const examples = `
Without --text, --json and --file the message is the text of standard input.

Examples:
  $ trunkline publish --hub chat --all --text "Hello"
  $ trunkline publish --hub chat --user anna --json '{"unread": 3}' --id order-17
  $ date | trunkline publish --hub chat --group news`;

export function publishCommand(host: Host): Command {
  const contents = ['text', 'json', 'file'];
  const content = (name: string, flags: string, description: string): Option =>
    new Option(flags, description).conflicts(contents.filter((other) => other !== name));
  const command = new Command('publish')
    .description('Sends a message to clients')
    .addOption(hubOption())
    .addOption(content('text', '--text <text>', 'The message, as text'))
    .addOption(content('json', '--json <json>', 'The message, as JSON'))
    .addOption(content('file', '--file <path>', 'File with the message; *.json and *.txt as such'))
    .option('--content-type <type>', 'How receivers read a file or standard input')
    .option('--id <id>', 'Makes a repeat harmless: what has the same id is the same message')
    .addHelpText('after', examples);
  const destinations = destinationOptions({
    all: 'To every client of the hub',
    user: 'To the connections of a user',
    group: 'To the members of a group',
    connection: 'To one connection',
  });
  for (const option of destinations) command.addOption(option);
  return addAccessFlags(command).action(async () => {
    const flags = command.opts<PublishFlags>();
    const path = destinationPath(flags, targets);
    const access = resolveAccess(flags, host.env);
    const { bytes, type } = await readContent(flags, host);
    const answer = await callGateway(access, {
      method: 'POST',
      pathAndQuery: `${path}/:send?api-version=${apiVersion}`,
      headers: {
        'content-type': type,
        ...(flags.id === undefined ? {} : { 'idempotency-key': checkedId(flags.id) }),
      },
      body: bytes,
    });
    host.print(`${outcomeOf(answer)}\n`);
  });
}

/** As the gateway checks it: a header can hold no more than this anyway. */
function checkedId(id: string): string {
  if (/^[\x20-\x7e]{1,255}$/.test(id) && id === id.trim()) return id;
  throw new UsageError(
    '--id must be 1..255 printable ASCII characters without blanks at either end, got ' +
      JSON.stringify(id.slice(0, 40)),
  );
}

function outcomeOf({ headers }: RestAnswer): string {
  const position = headers.get('x-trunkline-position');
  if (position === null) return 'accepted';
  const isDuplicate = headers.get('x-trunkline-duplicate') === 'true';
  return `${isDuplicate ? 'accepted before' : 'accepted'}, position ${position}`;
}

async function readContent(flags: PublishFlags, host: Host): Promise<Content> {
  if (flags.text !== undefined) return { type: 'text/plain', bytes: Buffer.from(flags.text) };
  if (flags.json !== undefined) return jsonContent(flags.json);
  if (flags.file === undefined) {
    return { type: flags.contentType ?? 'text/plain', bytes: await host.readStdin() };
  }
  try {
    const bytes = host.readFile(flags.file);
    return { type: flags.contentType ?? typeOfFile(flags.file), bytes };
  } catch (error) {
    throw new UsageError(`--file must be a file that can be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function jsonContent(text: string): Content {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--json must be JSON: ${messageOf(error)}`, { cause: error });
  }
  return { type: 'application/json', bytes: Buffer.from(text) };
}

function typeOfFile(path: string): string {
  if (path.endsWith('.json')) return 'application/json';
  return path.endsWith('.txt') ? 'text/plain' : 'application/octet-stream';
}

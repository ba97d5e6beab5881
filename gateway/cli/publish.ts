/** `trunkline publish`: sends one message through the REST API. */
import { Command, Option } from 'commander';
import { signServerToken } from '../tokens/sign.ts';
import {
  addAccessFlags,
  resolveAccess,
  type AccessFlags,
  type GatewayAccess,
} from './gateway-access.ts';
import { CommandFailure, UsageError, type Host } from './host.ts';
import { hubOption } from './options.ts';

interface PublishFlags extends AccessFlags {
  readonly hub: string;
  readonly all?: boolean;
  readonly user?: string;
  readonly group?: string;
  readonly connection?: string;
  readonly text?: string;
  readonly json?: string;
  readonly file?: string;
  readonly contentType?: string;
}

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
}

const apiVersion = '2024-12-01';
const timeoutMs = 15_000;
const answerLengthMax = 500;

const examples = `
Without --text, --json and --file the message is the text of standard input.

Examples:
  $ trunkline publish --hub chat --all --text "Hello"
  $ trunkline publish --hub chat --user anna --json '{"unread": 3}'
  $ date | trunkline publish --hub chat --group news`;

export function publishCommand(host: Host): Command {
  const targets = ['all', 'user', 'group', 'connection'];
  const contents = ['text', 'json', 'file'];
  const others = (names: readonly string[], name: string): string[] =>
    names.filter((other) => other !== name);
  const target = (name: string, flags: string, description: string): Option =>
    new Option(flags, description).conflicts(others(targets, name));
  const content = (name: string, flags: string, description: string): Option =>
    new Option(flags, description).conflicts(others(contents, name));
  const command = new Command('publish')
    .description('Sends a message to clients')
    .addOption(hubOption())
    .addOption(target('all', '--all', 'To every client of the hub'))
    .addOption(target('user', '--user <id>', 'To the connections of a user'))
    .addOption(target('group', '--group <name>', 'To the members of a group'))
    .addOption(target('connection', '--connection <id>', 'To one connection'))
    .addOption(content('text', '--text <text>', 'The message, as text'))
    .addOption(content('json', '--json <json>', 'The message, as JSON'))
    .addOption(content('file', '--file <path>', 'File with the message; *.json and *.txt as such'))
    .option('--content-type <type>', 'How receivers read a file or standard input')
    .addHelpText('after', examples);
  return addAccessFlags(command).action(async () => {
    const flags = command.opts<PublishFlags>();
    const path = pathOf(flags);
    const access = resolveAccess(flags, host.env);
    await publish(access, path, await readContent(flags, host));
    host.print('accepted\n');
  });
}

function pathOf(flags: PublishFlags): string {
  const hub = `/api/hubs/${flags.hub}`;
  if (flags.all === true) return `${hub}/:send`;
  if (flags.user !== undefined) return `${hub}/users/${segment('--user', flags.user)}/:send`;
  if (flags.group !== undefined) return `${hub}/groups/${segment('--group', flags.group)}/:send`;
  if (flags.connection !== undefined) {
    return `${hub}/connections/${segment('--connection', flags.connection)}/:send`;
  }
  throw new UsageError('A destination is needed: --all, --user, --group or --connection');
}

function segment(flag: string, name: string): string {
  // `URL` would take dots away as steps between folders.
  if (name === '' || name === '.' || name === '..') {
    throw new UsageError(`${flag} must be a name, got ${JSON.stringify(name)}`);
  }
  return encodeURIComponent(name);
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

async function publish(access: GatewayAccess, path: string, content: Content): Promise<void> {
  const { href: url } = new URL(`${access.endpoint}${path}?api-version=${apiVersion}`);
  const token = signServerToken({ accessKey: access.accessKey, url, minutesToExpire: 5 });
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': content.type },
      body: content.bytes,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new CommandFailure(
      `Cannot reach the gateway at ${access.endpoint}: ${messageOf(error)}. Does it run there?`,
      { cause: error },
    );
  }
  const answer = (await response.text()).slice(0, answerLengthMax);
  if (response.ok) return;
  const hint =
    response.status === 401 ? '; are endpoint and access key those of this gateway?' : '';
  throw new CommandFailure(
    `The gateway at ${access.endpoint} answered ${String(response.status)} ${answer}${hint}`,
  );
}

/** `fetch` says no more than "fetch failed"; the cause knows. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return cause.message === '' ? code : cause.message;
}

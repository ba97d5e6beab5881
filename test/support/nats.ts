/**
 * Starts real NATS servers for tests, on free ports below the ephemeral range and in folders of
 * their own. Two versions: Debian's, the oldest that is supported, and a current one built with Go
 * once and kept in .cache/ of the project.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './source-tree.ts';
import { waitFor } from './wait.ts';

const currentVersion = '2.15.2';
const buildTimeoutMs = 5 * 60_000;
/** A range of its own: test files run side by side and take ports at random. */
const portMin = 22_100;
const portMax = 24_900;

/** A nats-server program, or why there is none. */
export interface NatsProgram {
  readonly name: string;
  readonly path: string | undefined;
  /** For the `skip` option of a test. */
  readonly missing: string | false;
}

function versionOf(path: string): string | undefined {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 30_000 });
  return status === 0 ? /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

/** The one in the PATH: on Debian 12 this is 2.9.10. */
export function installedNats(): NatsProgram {
  const path = ['nats-server', '/usr/sbin/nats-server'].find((each) => versionOf(each));
  const missing =
    'no nats-server in the PATH: install it, for instance "apt-get install nats-server"';
  return {
    name: path === undefined ? 'nats-server' : `nats-server ${versionOf(path)}`,
    path,
    missing: path === undefined ? missing : false,
  };
}

/** A current one; built when it is asked for the first time and Go is there. */
export function currentNats(): NatsProgram {
  const name = `nats-server ${currentVersion}`;
  const folder = join(projectRoot(), '.cache', `nats-server-${currentVersion}`);
  const path = join(folder, process.platform === 'win32' ? 'nats-server.exe' : 'nats-server');
  if (existsSync(path)) return { name, path, missing: false };
  const missing = `no ${name}: it is built with Go, which is not in the PATH or could not build it`;
  if (spawnSync('go', ['version'], { timeout: 30_000 }).status !== 0) {
    return { name, path: undefined, missing };
  }
  mkdirSync(folder, { recursive: true });
  spawnSync('go', ['install', `github.com/nats-io/nats-server/v2@v${currentVersion}`], {
    env: { ...process.env, GOBIN: folder },
    timeout: buildTimeoutMs,
    stdio: 'ignore',
  });
  return existsSync(path) ? { name, path, missing: false } : { name, path: undefined, missing };
}

/** A port of 127.0.0.1 that nobody listens on, below the range of outgoing connections. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = portMin + Math.floor(Math.random() * (portMax - portMin));
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        server.close(() => resolve(true));
      });
    });
    if (isFree) return port;
  }
  throw new Error(`no free port found between ${portMin} and ${portMax}`);
}

/** One server's life: it can be killed, frozen, thawed and started again on its port. */
export class NatsServer {
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  #config: string;
  #process: ChildProcess | undefined;
  readonly #onExit = (): unknown => this.#process?.kill('SIGKILL');

  constructor(program: string, port: number, config = '') {
    this.port = port;
    this.#program = program;
    this.#config = config;
    this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-nats-'));
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `nats://${this.address}`;
  }

  /** Writes a file into the server's folder and returns its path. */
  file(name: string, content: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Resolves when it accepts connections. `config` replaces what it was made with. */
  async start(config = this.#config): Promise<this> {
    this.#config = config;
    const path = this.#writeConfig();
    const log = this.file('server.log', '');
    const args = ['-c', path, '-l', log, '-P', join(this.#folder, 'pid')];
    const child = spawn(this.#program, args, { stdio: 'ignore' });
    this.#process = child;
    process.on('exit', this.#onExit);
    const what = `nats-server listens on ${this.port}`;
    await waitFor(async () => child.exitCode !== null || (await accepts(this.port)), { what });
    if (child.exitCode === null) return this;
    throw new Error(`nats-server ended at once: ${this.log()}`);
  }

  /** What it has logged since it was started last. */
  log(): string {
    return readFileSync(join(this.#folder, 'server.log'), 'utf8');
  }

  isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Makes the running server read a new configuration; resolves when its log says so. */
  async reload(config: string): Promise<void> {
    this.#config = config;
    const before = this.log().length;
    this.#writeConfig();
    this.signal('SIGHUP');
    await waitFor(() => this.log().slice(before).includes('Reloaded server'), {
      what: `nats-server on ${this.port} has reloaded its configuration`,
    });
  }

  /** Ends it as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    process.off('exit', this.#onExit);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    child.kill('SIGKILL');
    await gone;
  }

  #writeConfig(): string {
    return this.file('server.conf', `listen: "127.0.0.1:${this.port}"\n${this.#config}\n`);
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Three servers joined by routes, started. `configOf`: what is special to the one with this index. */
export async function startCluster(
  program: string,
  config = '',
  configOf: (index: number) => string = () => '',
): Promise<readonly NatsServer[]> {
  const ports: { readonly client: number; readonly route: number }[] = [];
  for (let index = 0; index < 3; index += 1) {
    ports.push({ client: await freePort(), route: await freePort() });
  }
  const routes = ports.map(({ route }) => `"nats-route://127.0.0.1:${route}"`).join(', ');
  const servers = ports.map(({ client, route }, index) => {
    const cluster = `cluster { name: test, listen: "127.0.0.1:${route}", routes: [${routes}] }`;
    const own = `server_name: s${index}\n${cluster}\n${configOf(index)}`;
    return new NatsServer(program, client, `${own}\n${config}`);
  });
  await Promise.all(servers.map((server) => server.start()));
  await Promise.all(
    servers.map((server) =>
      waitFor(async () => (await othersKnownTo(server.port)) >= 2, {
        what: `the server on ${server.port} has joined the cluster`,
      }),
    ),
  );
  return servers;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** How many other servers the INFO line names. */
function othersKnownTo(port: number): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.once('error', () => resolve(0));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const info = /^INFO (.*)\r\n/.exec(text)?.[1];
      if (info === undefined) return;
      socket.destroy();
      const urls = /"connect_urls":\[([^\]]*)\]/.exec(info)?.[1] ?? '';
      resolve(urls.split(',').filter((url) => url !== '').length - 1);
    });
  });
}

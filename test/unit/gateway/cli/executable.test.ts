/** Runs the executable as users do: a real gateway in a process, and commands that talk to it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

// From dist/test/unit/gateway/cli, where this file runs.
const executable = fileURLToPath(new URL('../../../../../bin/trunkline.js', import.meta.url));
const accessKey = 'k'.repeat(32);
const deadlineMs = 20_000;

/** The environment of this process, without settings that would change the outcome. */
function environment(variables: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('TRUNKLINE_') && value !== undefined) env[name] = value;
  }
  return { ...env, ...variables };
}

class Run {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<void>;
  #isClosed = false;

  constructor(t: TestContext, args: readonly string[], path = executable) {
    const env = environment({ TRUNKLINE_ACCESS_KEY: accessKey });
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.#child = spawn(process.execPath, [path, ...args], { env, stdio: [...stdio] });
    this.#closed = once(this.#child, 'close').then(() => {
      this.#isClosed = true;
    });
    this.#child.stdout.on('data', (data: Buffer) => {
      this.stdout += data.toString();
    });
    this.#child.stderr.on('data', (data: Buffer) => {
      this.stderr += data.toString();
    });
    t.after(async () => {
      this.#child.kill('SIGKILL');
      await this.#closed;
    });
  }

  /** Resolves with the match once something was written that the pattern matches. */
  async written(pattern: RegExp): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(deadlineMs);
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      const isOver = this.#isClosed || signal.aborted;
      assert.ok(!isOver, `expected ${String(pattern)} in:\n${this.stdout}${this.stderr}`);
      const { stdout, stderr } = this.#child;
      const more = [stdout, stderr].map((stream) => once(stream, 'data', { signal }));
      // When the time is over, the loop ends above.
      await Promise.race([...more, this.#closed]).catch(() => undefined);
    }
  }

  async exitCode(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}

async function serve(t: TestContext): Promise<{ readonly run: Run; readonly endpoint: string }> {
  const run = new Run(t, ['serve', '--port', '0']);
  const [, endpoint = ''] = await run.written(
    /^Trunkline listens on (http:\/\/127\.0\.0\.1:\d+)$/m,
  );
  return { run, endpoint };
}

describe('executable', () => {
  test('trunkline: what is published reaches a subscriber through a gateway', async (t) => {
    const { endpoint } = await serve(t);
    const at = ['--hub', 'chat', '--endpoint', endpoint];
    const subscriber = new Run(t, ['subscribe', ...at, '--group', 'news', '--count', '2']);
    await subscriber.written(/^connected as /m);
    const first = new Run(t, ['publish', ...at, '--group', 'news', '--text', 'Hello']);
    assert.equal(await first.exitCode(), 0, first.stderr);
    const second = new Run(t, ['publish', ...at, '--all', '--json', '{"n": 1}']);
    assert.equal(await second.exitCode(), 0, second.stderr);
    assert.equal(await subscriber.exitCode(), 0, subscriber.stderr);
    assert.equal(subscriber.stdout, 'group news: Hello\nserver: {"n":1}\n');
  });

  test('trunkline: a wrong key is refused, and the commands say so', async (t) => {
    const { endpoint } = await serve(t);
    const at = ['--hub', 'chat', '--endpoint', endpoint, '--access-key', 'w'.repeat(32)];
    const publisher = new Run(t, ['publish', ...at, '--all', '--text', 'x']);
    assert.equal(await publisher.exitCode(), 1);
    assert.match(publisher.stderr, /answered 401 /);
    const subscriber = new Run(t, ['subscribe', ...at]);
    assert.equal(await subscriber.exitCode(), 1);
    assert.match(subscriber.stderr, /refused the connection: 401/);
  });

  test(
    'trunkline serve: SIGTERM ends it with exit code 0, and the client is told',
    { skip: process.platform === 'win32' ? 'Windows has no signals' : false },
    async (t) => {
      const { run, endpoint } = await serve(t);
      const subscriber = new Run(t, ['subscribe', '--hub', 'chat', '--endpoint', endpoint]);
      await subscriber.written(/^connected as /m);
      run.signal('SIGTERM');
      assert.equal(await run.exitCode(), 0, run.stderr);
      assert.equal(run.stdout, `Trunkline listens on ${endpoint}\n`);
      assert.equal(await subscriber.exitCode(), 1);
      assert.match(subscriber.stderr, /closed the connection: 1001/);
    },
  );

  test('trunkline serve: a port that is taken is named, with exit code 1', async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    t.after(() => server.close());
    // A server that listens on TCP has an address of this form.
    const { port } = server.address() as AddressInfo;
    const run = new Run(t, ['serve', '--port', String(port)]);
    assert.equal(await run.exitCode(), 1, run.stderr);
    assert.match(run.stderr, new RegExp(`error: .*${String(port)}`));
    assert.equal(run.stdout, '');
  });

  test('trunkline serve: settings of a file are used, and its mistakes end it with 2', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'trunkline.json');
    writeFileSync(path, '{ "port": 0, "hubs": { "open": { "anonymos": true } } }');
    const run = new Run(t, ['serve', '--config', path]);
    assert.equal(await run.exitCode(), 2);
    assert.match(run.stderr, /^error: "hubs\.open\.anonymos" in .*did you mean anonymous\?\n$/);
  });

  test('trunkline: before the build, it says what to run', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-'));
    t.after(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const path = join(folder, 'bin', 'trunkline.js');
    copyFileSync(executable, path);
    const run = new Run(t, ['serve'], path);
    assert.equal(await run.exitCode(), 1);
    assert.match(run.stderr, /not built yet; run "npm run build"/);
  });
});

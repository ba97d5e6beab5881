/** `npm run example:chat` as a program: it says where the page is, and ends cleanly. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { whyMissing } from '../support/programs.ts';
import { waitFor } from '../support/wait.ts';

const program = fileURLToPath(new URL('../../examples/chat/run/main.js', import.meta.url));
const deadlineMs = 60_000;

describe('command of the chat', { skip: whyMissing('nats-server', 'nginx') }, () => {
  test('command: on NATS it serves the page, shows its nodes, and ends with 0 on SIGINT', async (t) => {
    const child = spawn(process.execPath, [program, '--backplane', 'nats', '--nodes', '2']);
    const ended = once(child, 'exit');
    t.after(() => child.kill('SIGKILL'));
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    const url = await waitFor(() => /Chat on (http:\S+)/.exec(output)?.[1], {
      what: 'it says where the page is',
      deadlineMs,
    });
    assert.match(await (await fetch(url)).text(), /<title>Harbour Chat/);
    assert.match(await (await fetch(`${url}/app.js`)).text(), /trunkline\.v1/);
    const shows = /node 2 .* id [0-9a-f]+/;
    await waitFor(() => shows.test(output), { what: 'it shows its nodes', deadlineMs });
    child.kill('SIGINT');
    await ended;
    assert.equal(child.exitCode, 0, output);
    assert.match(output, /backplane +nats:/);
    await assert.rejects(fetch(url));
  });

  test('command: what it does not know is named, and nothing is started', async () => {
    const child = spawn(process.execPath, [program, '--backplane', 'pigeons']);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    await once(child, 'close');
    assert.equal(child.exitCode, 2);
    assert.match(errors, /--backplane must be redis or nats, got "pigeons"/);
  });
});

/** `npm run dev`: the gateway in development mode, rebuilt and restarted when a source changes. */
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root } from './bootstrap.js';
import { followNpm } from './follow-npm.js';

const watched = ['gateway', 'backplanes', 'bin'];
const settleMs = 100;
const env = { TRUNKLINE_MODE: 'development', ...process.env };
const args = [join(root, 'bin', 'trunkline.js'), 'serve', ...process.argv.slice(2)];

let gateway;
let timer;
let isBusy = false;
let isChanged = false;

function startGateway() {
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  child.once('exit', (code) => {
    if (gateway !== child) return;
    gateway = undefined;
    console.log(`The gateway ended with code ${code}; the next change starts it again.`);
  });
  gateway = child;
}

async function stopGateway() {
  const child = gateway;
  if (child === undefined) return;
  gateway = undefined;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}

async function rebuild() {
  if (isBusy) {
    isChanged = true;
    return;
  }
  isBusy = true;
  do {
    isChanged = false;
    if (await ensureBuilt()) {
      await stopGateway();
      startGateway();
    } else {
      console.log('Not restarted: the build failed.');
    }
  } while (isChanged);
  isBusy = false;
}

await ensureInstalled();
for (const folder of watched) {
  watch(join(root, folder), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void rebuild(), settleMs);
  });
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    void stopGateway().then(() => process.exit(0));
  });
}
followNpm();
await rebuild();

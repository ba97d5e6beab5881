/**
 * What the client SDK weighs in a page, beside the clients of its peers built in the same way: one
 * bundle for browsers, minified, compressed by gzip at its best.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from './bootstrap.js';

/** Of our rows, in bytes after compression. */
export const budgets = { core: 8192, 'core + presence': 10_240 };

/** Never in a page: a user's tests load it. */
const notShipped = ['testing'];

/** What an application of the peer imports at the least to connect, subscribe and publish. */
const peers = [
  ['socket.io-client', "export { io } from 'socket.io-client'"],
  ['@microsoft/signalr', "export { HubConnectionBuilder } from '@microsoft/signalr'"],
  ['@azure/web-pubsub-client', "export { WebPubSubClient } from '@azure/web-pubsub-client'"],
  ['pusher-js', "export { default } from 'pusher-js'"],
  ['centrifuge', "export { Centrifuge } from 'centrifuge'"],
  ['ably', "export { BaseRealtime, FetchRequest, WebSocketTransport } from 'ably/modular'"],
];

/** A row of the table. */
async function weigh(name, contents) {
  // Not there before the installation.
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['react'],
    write: false,
    logLevel: 'error',
  });
  const code = outputFiles[0].contents;
  return { name, min: code.length, gzip: gzipSync(code, { level: 9 }).length };
}

/** Everything that the core exports, alone and with everything of each further part. */
export async function ourSizes() {
  const manifest = JSON.parse(readFileSync(join(root, 'client-sdk', 'package.json'), 'utf8'));
  const parts = Object.entries(manifest.exports)
    .filter(([path, entry]) => path !== '.' && typeof entry === 'object')
    .filter(([path]) => !notShipped.includes(path.slice(2)))
    .map(([path, entry]) => [path.slice(2), sourceOf(entry.default)]);
  const core = `export * from '${sourceOf(manifest.exports['.'].default)}';`;
  const rows = [await weigh('core', core)];
  for (const [name, source] of parts) {
    rows.push(await weigh(`core + ${name}`, `${core} export * from '${source}';`));
  }
  return rows.map((row) => ({ ...row, budget: budgets[row.name] }));
}

export async function peerSizes() {
  const rows = [];
  for (const [name, contents] of peers) {
    const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
    rows.push(await weigh(`${name} ${JSON.parse(manifest).version}`, contents));
  }
  return rows.sort((a, b) => a.gzip - b.gzip);
}

/** A sentence for each row that is larger than it may be. */
export function overBudget(rows) {
  return rows
    .filter(({ budget, gzip }) => budget !== undefined && gzip > budget)
    .map(({ budget, gzip, name }) => `${name}: ${gzip} bytes (gzip) are more than ${budget}`);
}

/** The rows as text, with a line above them. */
export function tableOf(title, rows) {
  const number = (value, width) => (value?.toLocaleString('en') ?? '').padStart(width);
  const line = ({ budget, gzip, min, name }) =>
    `${name.padEnd(34)}${number(min, 10)}${number(gzip, 10)}${number(budget, 10)}`;
  const header = `${title.padEnd(34)}${'min'.padStart(10)}${'gzip'.padStart(10)}${'budget'.padStart(10)}`;
  return [header, ...rows.map(line)].map((text) => text.trimEnd()).join('\n');
}

/** `./dist/x.js` is made of `./client-sdk/src/x.ts`. */
function sourceOf(file) {
  return file.replace('./dist/', './client-sdk/src/').replace(/\.js$/, '.ts');
}

/** Makes the files of the page: one script of its sources and the SDK, and what goes with it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Asset } from '../server/http-server.ts';

/** `folder` has the sources of the page. @throws where they do not build. */
export async function pageAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  const file = (name: string): Buffer => readFileSync(join(folder, name));
  return new Map([
    ['/', { type: 'text/html; charset=utf-8', body: file('index.html') }],
    ['/style.css', { type: 'text/css; charset=utf-8', body: file('style.css') }],
    ['/icon.svg', { type: 'image/svg+xml', body: file('icon.svg') }],
    ['/app.js', { type: 'text/javascript; charset=utf-8', body: outputFiles[0]?.text ?? '' }],
  ]);
}

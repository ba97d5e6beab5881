/** The package @trunkline/client, built and installed as an application would have it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from './source-tree.ts';

export interface ClientPackage {
  /** Code in this folder finds `@trunkline/client` by its name, and the project's packages. */
  readonly folder: string;
  /** The package itself. */
  readonly packageFolder: string;
  remove(): void;
}

/** Builds it with the project's own script; whoever calls it calls `remove`. */
export function installClientPackage(): ClientPackage {
  const root = projectRoot();
  mkdirSync(join(root, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(root, 'dist/client-package-'));
  const packageFolder = join(folder, 'node_modules/@trunkline/client');
  mkdirSync(packageFolder, { recursive: true });
  cpSync(join(root, 'client-sdk/package.json'), join(packageFolder, 'package.json'));
  const script = join(root, 'scripts/build-client.js');
  execFileSync(process.execPath, [script, join(packageFolder, 'dist')], { encoding: 'utf8' });
  return { folder, packageFolder, remove: () => rmSync(folder, { recursive: true }) };
}

/** What a bundler makes, for browsers, of code that lies in the folder. */
export async function bundled(
  folder: string,
  contents: string,
  format: 'esm' | 'iife' = 'esm',
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    minify: true,
    format,
    platform: 'browser',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

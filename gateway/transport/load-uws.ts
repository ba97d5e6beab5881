/** Finds the uWebSockets.js binary that this Node.js can load, or says what to do. */
import { createRequire } from 'node:module';
import type * as UwsModule from 'uWebSockets.js';
import { GatewayError } from '../errors.ts';

export type Uws = typeof UwsModule;

/** 20.51.4: Node.js 18 to 23, glibc 2.27 and later. */
const oldest = 'uWebSockets.js';
/** 20.69.0: Node.js 22 to 26, glibc 2.38 and later. */
const newest = 'uWebSockets.js-next';

export interface LoadOptions {
  /** The parser refuses larger request heads with 431. The first load in a process decides. */
  readonly headerBytesMax: number;
  /** Loads a package by name; a test hands in one that fails. */
  readonly load?: (name: string) => unknown;
  /** Major version of Node.js. */
  readonly nodeMajor?: number;
}

/**
 * Loads the native module and configures it: bound of request heads, no advertising header.
 * @throws GatewayError `no-native-binary` where no package has a binary for this machine.
 */
export function loadUws(options: LoadOptions): Uws {
  const load = options.load ?? createRequire(import.meta.url);
  const nodeMajor = options.nodeMajor ?? Number.parseInt(process.versions.node, 10);
  // The native code reads this once, when it is loaded.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(options.headerBytesMax);
  const names = nodeMajor < 24 ? [oldest, newest] : [newest, oldest];
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      // The package's own types describe what `require` returns.
      const uws = load(name) as Uws;
      hideServerHeader(uws);
      return uws;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new GatewayError('no-native-binary', describeFailure(), {
    cause: new AggregateError(failures, `neither ${names.join(' nor ')} could be loaded`),
  });
}

/** The key is uWebSockets.js's own switch for its `uWebSockets: 20` header; it is not typed. */
function hideServerHeader(uws: Uws): void {
  const { _cfg: configure } = uws as { readonly _cfg?: (key: string) => void };
  configure?.('999999990007');
}

function describeFailure(): string {
  const libc = readGlibcVersion();
  return [
    `No uWebSockets.js binary fits this machine: ${process.platform} ${process.arch},`,
    `Node.js ${process.versions.node} (ABI ${process.versions.modules}),`,
    `${libc === undefined ? 'no glibc found' : `glibc ${libc}`}.`,
    'Needed: Node.js 20 to 23 with glibc 2.27 or later, or Node.js 22 to 26 with glibc 2.38 or',
    'later (macOS and Windows: no glibc needed; Alpine has none: use a Debian image).',
    'Install again with optional dependencies (`npm ci --include=optional`), change the Node.js',
    "version, or take the author's own release:",
    '`npm install uWebSockets.js@github:uNetworking/uWebSockets.js#v20.51.0`.',
  ].join(' ');
}

function readGlibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  // The report is typed as object; its header carries the version where Node.js runs on glibc.
  const report = process.report.getReport() as {
    readonly header?: { readonly glibcVersionRuntime?: string };
  };
  return report.header?.glibcVersionRuntime;
}

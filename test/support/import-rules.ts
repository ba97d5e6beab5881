/** Who may import whom (the table in ARCHITECTURE.md), as data, and the functions that hold it. */
import { importsOf, type SourceFile } from './source-tree.ts';

interface Zone {
  /** A folder (with its slash) or one file. The first zone that matches a file decides. */
  readonly zone: string;
  /** Folders and files of the project that it may import; its own folder always. */
  readonly mayImport: readonly string[];
}

/** What everybody in the gateway may know: errors, bounds, settings, time. Imports nothing else. */
const common = [
  'gateway/errors.ts',
  'gateway/limits.ts',
  'gateway/config.ts',
  'gateway/clock.ts',
  'gateway/error-response.ts',
  'gateway/protocol/',
];
const ports = [
  'gateway/router/ports.ts',
  'gateway/router/presence/ports.ts',
  'gateway/router/stream-ports.ts',
  'gateway/transport/transport.ts',
];
/** What users of the project have: the public entries of its packages. */
const clientEntries = ['client-sdk/src/index.ts', 'client-sdk/src/presence/index.ts'];
const serverEntries = ['server-sdk/src/index.ts'];

export const zones: readonly Zone[] = [
  { zone: 'gateway/protocol/', mayImport: [] },
  { zone: 'backplanes/', mayImport: [] },
  { zone: 'client-sdk/', mayImport: ['gateway/protocol/'] },
  { zone: 'server-sdk/', mayImport: [] },
  { zone: 'gateway/errors.ts', mayImport: [] },
  { zone: 'gateway/limits.ts', mayImport: [] },
  { zone: 'gateway/clock.ts', mayImport: [] },
  {
    zone: 'gateway/error-response.ts',
    mayImport: ['gateway/errors.ts', 'gateway/transport/transport.ts'],
  },
  { zone: 'gateway/config.ts', mayImport: ['gateway/limits.ts'] },
  { zone: 'gateway/config/', mayImport: common },
  { zone: 'gateway/tokens/', mayImport: common },
  { zone: 'gateway/telemetry/', mayImport: common },
  { zone: 'gateway/transport/', mayImport: common },
  {
    zone: 'gateway/router/',
    mayImport: [
      ...common,
      'gateway/transport/transport.ts',
      'backplanes/backplane.ts',
      'backplanes/stream-store.ts',
      'backplanes/stored-envelope.ts',
      'backplanes/loss-mark.ts',
      'backplanes/envelope.ts',
      'backplanes/envelope-extension.ts',
    ],
  },
  { zone: 'gateway/session/', mayImport: [...common, ...ports, 'gateway/tokens/'] },
  {
    zone: 'gateway/http/',
    mayImport: [...common, ...ports, 'gateway/tokens/', 'gateway/telemetry/'],
  },
  { zone: 'gateway/events/', mayImport: [...common, ...ports, 'gateway/tokens/'] },
  { zone: 'gateway/jobs/', mayImport: [...common, ...ports] },
  {
    zone: 'gateway/workers/',
    mayImport: [
      ...common,
      'gateway/configured-backplane.ts',
      'gateway/gateway.ts',
      'gateway/telemetry/',
      'gateway/transport/listen-failure.ts',
      'backplanes/backplane.ts',
      'backplanes/memory/',
    ],
  },
  { zone: 'gateway/capacity/', mayImport: [] },
  { zone: 'gateway/playground/', mayImport: [...common, 'gateway/transport/transport.ts'] },
  // The command line and the composition put everything together.
  { zone: 'gateway/', mayImport: ['gateway/', 'backplanes/'] },
  // Examples are users of the project; only what starts one knows how to run a cluster.
  { zone: 'examples/chat/shared/', mayImport: [] },
  { zone: 'examples/chat/server/', mayImport: ['examples/chat/shared/', ...serverEntries] },
  { zone: 'examples/chat/page/', mayImport: ['examples/chat/shared/', ...clientEntries] },
  {
    zone: 'examples/chat/run/',
    mayImport: [
      'examples/chat/shared/',
      'examples/chat/server/',
      'bench/cluster/',
      ...clientEntries,
    ],
  },
  {
    zone: 'test/',
    mayImport: ['gateway/', 'backplanes/', 'client-sdk/', 'server-sdk/', 'bench/', 'examples/'],
  },
  { zone: 'bench/', mayImport: ['gateway/', 'backplanes/', 'client-sdk/', 'test/support/'] },
];

/** Nobody imports these: they run something when they are loaded. */
const entryPoints = ['gateway/main.ts', 'gateway/workers/worker-main.ts'];

/** Packages (by the beginning of their names) that only these folders may import. */
export const packageOwners: Readonly<Record<string, readonly string[]>> = {
  'uWebSockets.js': ['gateway/transport/', 'bench/'],
  'fast-jwt': ['gateway/tokens/', 'test/', 'bench/'],
  jose: ['gateway/tokens/', 'test/', 'bench/'],
  ioredis: ['backplanes/redis/', 'test/', 'bench/'],
  '@nats-io/': ['backplanes/nats/', 'test/', 'bench/'],
  '@bufbuild/': ['gateway/protocol/', 'test/', 'bench/'],
  '@azure/': ['backplanes/azure/', 'test/', 'bench/'],
  react: ['client-sdk/src/react/', 'test/'],
  pino: ['gateway/telemetry/'],
  'prom-client': ['gateway/telemetry/'],
};

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

const adapterFolder = /^backplanes\/[^/]+\//;

/** Imports that the table does not allow. */
export function forbiddenImports(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const zone = zones.find((each) => file.path.startsWith(each.zone));
    if (zone === undefined) return [`${file.path} is in no zone of test/support/import-rules.ts`];
    const allowed = [zone.zone, ...zone.mayImport];
    return importsOf(file)
      .filter(({ isProject }) => isProject)
      .filter(
        ({ target }) =>
          entryPoints.includes(target) || !allowed.some((prefix) => target.startsWith(prefix)),
      )
      .map(({ target }) => `${file.path} must not import ${target}`);
  });
}

/** Imports of packages that belong to another folder. */
export function forbiddenPackages(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ isProject }) => !isProject)
      .flatMap(({ target }) => {
        const owner = Object.entries(packageOwners).find(([name]) => target.startsWith(name));
        if (owner === undefined || owner[1].some((folder) => file.path.startsWith(folder)))
          return [];
        return [`${file.path} must not import ${target}: only ${owner[1].join(', ')} may`];
      }),
  );
}

/** Static imports of backplane adapters: a driver that is not used must never be loaded. */
export function eagerAdapters(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => !path.startsWith('test/') && !path.startsWith('bench/'))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ isDynamic, isTypeOnly }) => !isDynamic && !isTypeOnly)
        .flatMap(({ target }) => {
          const adapter = adapterFolder.exec(target)?.[0];
          if (adapter === undefined || file.path.startsWith(adapter)) return [];
          return [`${file.path} must import ${target} with import(), when its URL asks for it`];
        }),
    );
}

/**
 * Circles of imports, each reported once as the path around it. Types that two files of one folder
 * borrow from each other do not count: they are gone when the code runs, and the two are one concept.
 */
export function importCycles(files: readonly SourceFile[]): readonly string[] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter(({ isProject }) => isProject)
        .filter(({ target, isTypeOnly }) => !isTypeOnly || folderOf(target) !== folderOf(file.path))
        .map(({ target }) => target),
    ]),
  );
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) cycles.push([...trail.slice(start), path].join(' → '));
    if (start !== -1 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return cycles;
}

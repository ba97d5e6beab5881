/**
 * `npm run reference`: writes client-sdk/REFERENCE.md, what every entry of @trunkline/client exports,
 * out of its types and their comments. An argument is another file to write.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ensureInstalled, root } from './bootstrap.js';
import { runNode } from './run.js';

const packageFile = join(root, 'client-sdk', 'package.json');
const manifest = JSON.parse(readFileSync(packageFile, 'utf8'));
const file = process.argv[2] ?? join(root, 'client-sdk', 'REFERENCE.md');

/** Entries that have types, by a name that can stand in code. */
const entries = Object.entries(manifest.exports)
  .filter(([, entry]) => typeof entry === 'object')
  .map(([path, { types }], index) => ({
    name: path.replace(/^\./, manifest.name),
    id: `entry${index}`,
    types: types.replace('./dist/', './').replace(/\.d\.ts$/, '.js'),
  }));

/** The declarations, and one file that has each entry as a namespace: so they are read once. */
async function emitTypes(folder) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['-p', join(root, 'client-sdk'), '--outDir', folder, '--emitDeclarationOnly'];
  if ((await runNode([tsc, ...options])) !== 0) throw new Error('client-sdk does not compile');
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue;
    const path = join(folder, name);
    // A file opens with what it is responsible for: that is said of no type in it.
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^\/\*\*[^]*?\*\//, ''));
  }
  const lines = entries.map(({ id, types }) => `export * as ${id} from '${types}';`);
  writeFileSync(join(folder, 'all.d.ts'), `${lines.join('\n')}\n`);
}

/** What the extractor makes of the declarations. */
function modelOf(folder) {
  const { Extractor, ExtractorConfig } = createRequire(import.meta.url)('@microsoft/api-extractor');
  const apiJsonFilePath = join(folder, 'model.api.json');
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2023', 'dom'], module: 'nodenext', types: [] },
    ...{ strict: true, skipLibCheck: true },
  };
  const silent = { default: { logLevel: 'none' } };
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, 'all.d.ts'),
      compiler: {
        overrideTsconfig: { compilerOptions, include: [join(folder, '**', '*.d.ts')] },
      },
      apiReport: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath },
      messages: {
        compilerMessageReporting: silent,
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
    packageJsonFullPath: packageFile,
    packageJson: manifest,
  });
  const result = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  if (!result.succeeded) throw new Error('the types could not be read');
  return JSON.parse(readFileSync(apiJsonFilePath, 'utf8')).members[0].members;
}

/** The text of a doc comment; what it throws is a sentence of it. */
function textOf({ docComment = '' }) {
  return docComment
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .replace(/Constructs a new instance of the `\w+` class/, '')
    .replace(/@throws/g, 'Throws')
    .replace(/@param (\w+)/g, '`$1`:')
    .trim();
}

/** The code of an item, without what every item of its kind begins with. */
function codeOf({ excerptTokens }) {
  const code = excerptTokens.map(({ text }) => text).join('');
  return code.replace(/^export (declare )?/, '').trim();
}

function memberLine(member) {
  const code = codeOf(member).replace(/\s+/g, ' ');
  const mark = code.includes('`') ? '``' : '`';
  const text = textOf(member).replace(/\s+/g, ' ');
  return `- ${mark}${code}${mark}${text === '' ? '' : `<br>${text}`}`;
}

/** Overloads stand together, under one name. */
function section(items) {
  const [first] = items;
  const texts = [...new Set(items.map(textOf))].filter((text) => text !== '');
  const code = items.map(codeOf).join('\n');
  const members = (first.members ?? []).map(memberLine).join('\n');
  return [`### ${first.name}`, ...texts, `\`\`\`ts\n${code}\n\`\`\``, members].join('\n\n');
}

function chapter({ id, name }, model) {
  const { members } = model.find((each) => each.name === id);
  const byName = new Map();
  for (const each of members) byName.set(each.name, [...(byName.get(each.name) ?? []), each]);
  return [`## ${name}`, ...[...byName.values()].map(section)].join('\n\n');
}

await ensureInstalled();
mkdirSync(join(root, 'dist'), { recursive: true });
const folder = mkdtempSync(join(root, 'dist', 'client-reference-'));
try {
  await emitTypes(folder);
  const model = modelOf(folder);
  const opening =
    '# @trunkline/client: reference\n\nMade from the types by `npm run reference`. ' +
    'What the parts are for, and how they work together, stands in the [README](README.md).';
  const text = [opening, ...entries.map((entry) => chapter(entry, model))].join('\n\n');
  // Not there before the installation.
  const { format, resolveConfig } = await import('prettier');
  const options = await resolveConfig(join(root, 'client-sdk', 'REFERENCE.md'));
  writeFileSync(file, await format(text, { ...options, parser: 'markdown' }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

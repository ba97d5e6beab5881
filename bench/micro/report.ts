/** What a scenario hands back, and where it is written. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { inRepository } from './paths.ts';

/** One table with the numbers behind it. */
export interface Section {
  readonly title: string;
  /** What was done, in a sentence or two, with the parameters. */
  readonly method: string;
  readonly table: string;
  /** What a reader must know before believing the table: what saturated, what was discarded. */
  readonly notes: readonly string[];
  /** Plain values, one per run, for the JSON file. */
  readonly runs: readonly unknown[];
}

/** Says on standard error what is going on; standard output gets the tables only. */
export type Progress = (text: string) => void;

export interface Report {
  readonly machine: Readonly<Record<string, string>>;
  readonly command: string;
  readonly sections: readonly Section[];
}

/** The report as one Markdown page. */
export function formatReport({ machine, command, sections }: Report): string {
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  const parts = sections.map(formatSection);
  return [`# Micro benchmarks`, `\`${command}\``, facts.join('\n'), ...parts].join('\n\n') + '\n';
}

/** One section as Markdown. */
export function formatSection({ title, method, table, notes }: Section): string {
  const list = notes.map((note) => `- ${note}`).join('\n');
  return [`## ${title}`, method, table, list].filter((part) => part !== '').join('\n\n');
}

/** Writes `<name>.md` and `<name>.json` to bench/results and returns the path of the first. */
export function writeReport(report: Report, name: string): string {
  const folder = inRepository('bench/results');
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/${name}`;
  writeFileSync(`${path}.md`, formatReport(report));
  writeFileSync(`${path}.json`, `${JSON.stringify(report, undefined, 1)}\n`);
  return `${path}.md`;
}

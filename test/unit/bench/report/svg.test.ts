/** The charts: every value has its place, and what is written is well-formed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawChart, Scale } from '../../../../bench/report/svg.ts';

describe('scale', () => {
  test('linear: from 0 to the first round value above all', () => {
    const scale = new Scale({ label: 'x' }, [120, 430], [100, 500]);
    assert.deepEqual(scale.ticks, [0, 100, 200, 300, 400, 500]);
    assert.equal(scale.at(0), 100);
    assert.equal(scale.at(250), 300);
    assert.equal(scale.at(500), 500);
  });

  test('logarithmic: round values around all, equal steps for equal factors', () => {
    const scale = new Scale({ label: 'x', isLog: true }, [3, 700], [0, 300]);
    assert.deepEqual(scale.ticks, [2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    const step = scale.at(20) - scale.at(2);
    assert.ok(Math.abs(scale.at(200) - scale.at(20) - step) < 0.2);
  });

  test('many decades: powers of ten alone', () => {
    const scale = new Scale({ label: 'x', isLog: true }, [1, 1e6], [0, 300]);
    assert.deepEqual(scale.ticks, [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
  });

  test('one value alone: it has a place within', () => {
    for (const isLog of [false, true]) {
      const at = new Scale({ label: 'x', isLog }, [50], [0, 300]).at(50);
      assert.ok(at >= 0 && at <= 300, String(at));
    }
  });
});

describe('chart', () => {
  const chart = {
    title: 'a < b & c',
    x: { label: 'rate', isLog: true },
    y: { label: 'ms' },
    series: [
      { name: 'one', points: [[100, 5] as const, [10, 2] as const] },
      { name: 'two', points: [[10, 2] as const, [100, 5] as const] },
      { name: 'none', points: [] },
    ],
  };

  test('text is escaped, and series without points are left out', () => {
    const svg = drawChart(chart);
    assert.match(svg, /<title>a &lt; b &amp; c<\/title>/);
    assert.doesNotMatch(svg, />none</);
    assert.equal(svg.match(/<circle /g)?.length, 4);
    for (const tag of ['g', 'svg', 'text', 'title']) {
      const open = svg.match(new RegExp(`<${tag}[ >]`, 'g'))?.length;
      assert.equal(open, svg.match(new RegExp(`</${tag}>`, 'g'))?.length, tag);
    }
  });

  test('points are joined from left to right, and names do not cover one another', () => {
    const svg = drawChart(chart);
    const [path = ''] = /<path d="[^"]+"/.exec(svg) ?? [];
    const [first = 0, second = 0] = [...path.matchAll(/[ML](\d+)/g)].map(([, x]) => Number(x));
    assert.ok(first < second);
    const heights = [...svg.matchAll(/y="([\d.]+)" fill="#/g)].map(([, y]) => Number(y));
    assert.equal(heights.length, 2);
    assert.ok(Math.abs((heights[0] ?? 0) - (heights[1] ?? 0)) >= 15);
  });
});

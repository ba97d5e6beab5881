/** Tests of when a question is over, and what came of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../../gateway/errors.ts';
import { Survey, type SurveyResult } from '../../../../../gateway/router/bus/survey.ts';

function start(isEnough: (value: unknown) => boolean = () => false) {
  const results: SurveyResult[] = [];
  const survey = new Survey(isEnough, (result) => results.push(result));
  return { survey, results };
}

describe('survey', () => {
  test('survey: complete when all by name have answered', () => {
    const { results, survey } = start();
    survey.expect(['a', 'b']);
    survey.answer('a', 1);
    assert.equal(results.length, 0);
    survey.answer('b', 2);
    assert.deepEqual(
      [...(results[0]?.answers ?? [])],
      [
        ['a', 1],
        ['b', 2],
      ],
    );
    assert.deepEqual([results[0]?.isComplete, results[0]?.missing], [true, []]);
  });

  test('survey: not complete before it is known who was asked', () => {
    const { results, survey } = start();
    survey.answer('a', 1);
    survey.answer('b', 2);
    assert.equal(results.length, 0);
    survey.expect(['b', 'a']);
    assert.equal(results[0]?.isComplete, true);
  });

  test('survey: complete at once when nobody is asked', () => {
    const { results, survey } = start();
    survey.expect([]);
    assert.equal(results[0]?.isComplete, true);
  });

  test('survey: an answer that is enough ends it, whoever is missing', () => {
    const { results, survey } = start((value) => value === true);
    survey.answer('a', false);
    survey.answer('b', true);
    assert.equal(results.length, 1);
    assert.equal(results[0]?.isComplete, false);
    assert.equal(results[0]?.answers.get('b'), true);
  });

  test('survey: a failure is an answer that is kept apart', () => {
    const { results, survey } = start();
    survey.expect(['a', 'b']);
    survey.answer('a', 1);
    const failure = new GatewayError('bad-filter', 'no filter');
    survey.fail('b', failure);
    assert.equal(results[0]?.isComplete, true);
    assert.equal(results[0]?.failures.get('b'), failure);
    assert.equal(results[0]?.answers.has('b'), false);
  });

  test('survey: at the end of its time it names who is missing', () => {
    const { results, survey } = start();
    survey.expect(['a', 'b', 'c']);
    survey.answer('b', 1);
    survey.end();
    assert.deepEqual([results[0]?.isComplete, results[0]?.missing], [false, ['a', 'c']]);
  });

  test('survey: ended before it is known who was asked, it is not complete', () => {
    const { results, survey } = start();
    survey.answer('a', 1);
    survey.end();
    assert.deepEqual([results[0]?.isComplete, results[0]?.missing], [false, []]);
  });

  test('survey: nobody waits for the dead, but what they said counts', () => {
    const { results, survey } = start();
    survey.expect(['a', 'b', 'c']);
    survey.answer('a', 1);
    survey.forget(['a', 'b']);
    assert.equal(results.length, 0);
    survey.answer('c', 3);
    assert.equal(results[0]?.isComplete, true);
    assert.deepEqual([...(results[0]?.answers.keys() ?? [])], ['a', 'c']);
  });

  test('survey: who was not asked may answer, and is not waited for', () => {
    const { results, survey } = start();
    survey.expect(['a']);
    survey.answer('new', 2);
    assert.equal(results.length, 0);
    survey.answer('a', 1);
    assert.equal(results[0]?.answers.get('new'), 2);
  });
});

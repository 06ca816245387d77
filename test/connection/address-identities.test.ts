import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressIdentities } from '../../src/connection/address-identities.ts';

test('connections from one address share what is made of it, others do not', () => {
  const addresses = new AddressIdentities();
  const one = addresses.of('10.0.0.1');
  assert.deepEqual(one, { address: '10.0.0.1', identities: [{ scheme: 'ip', id: '10.0.0.1' }] });
  assert.equal(addresses.of('10.0.0.1'), one);
  assert.equal(addresses.of('::1').address, '0:0:0:0:0:0:0:1');
  assert.notEqual(addresses.of('10.0.0.2'), one);
});

test('addresses do not pile up, and what is held stays right', () => {
  const addresses = new AddressIdentities();
  const first = addresses.of('10.0.0.0');
  for (let i = 1; i <= 4096; i++) addresses.of(`10.1.${i >> 8}.${i & 255}`);
  assert.equal(first.address, '10.0.0.0');
  const again = addresses.of('10.0.0.0');
  assert.notEqual(again, first, 'it was forgotten');
  assert.deepEqual(again, first);
});

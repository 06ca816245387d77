import { OpCode } from '../protocol/opcode.ts';
import { multi, multiRead, type ReadResult, type TransactionResult } from './multi.ts';
import { writeSetData } from './operations.ts';
import type { CallOptions, Operation, Request } from './request.ts';
import type { CreateOptions } from './zookeeper.ts';

/** How a builder gets its parts checked and sent. */
export interface Sender {
  createPart(path: string, data: Uint8Array | null, options: CreateOptions): Request;
  part(operation: Operation<unknown>, path: string, number: number, data?: Uint8Array | null): Request;
  send<T>(operation: Operation<T>, parts: readonly Request[], options: CallOptions): Promise<T>;
}

const pathAndVersion: Operation<unknown>['write'] = (output, request) => {
  output.writeString(request.serverPath);
  output.writeInt(request.number);
};
const none = () => undefined;
const removePart: Operation<void> = {
  type: OpCode.delete,
  name: 'delete',
  write: pathAndVersion,
  read: none,
};
const checkPart: Operation<void> = { type: OpCode.check, name: 'check', write: pathAndVersion, read: none };
const setDataPart: Operation<void> = {
  type: OpCode.setData,
  name: 'setData',
  write: writeSetData,
  read: none,
};

/**
 * Several writes that happen all or not at all. `commit` rejects with the error of the operation that failed, whose
 * `transaction` tells which it was.
 */
export class Transaction {
  readonly #sender: Sender;
  readonly #parts: Request[] = [];

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  get length(): number {
    return this.#parts.length;
  }

  create(path: string, data: Uint8Array | null = new Uint8Array(0), options: CreateOptions = {}): this {
    this.#parts.push(this.#sender.createPart(path, data, options));
    return this;
  }

  delete(path: string, version = -1): this {
    this.#parts.push(this.#sender.part(removePart, path, version));
    return this;
  }

  setData(path: string, data: Uint8Array | null, version = -1): this {
    this.#parts.push(this.#sender.part(setDataPart, path, version, data));
    return this;
  }

  /** Lets the transaction fail unless the znode exists and has this version. */
  check(path: string, version = -1): this {
    this.#parts.push(this.#sender.part(checkPart, path, version));
    return this;
  }

  /** Sends it. The results stand in the order of the operations. */
  commit(options: CallOptions = {}): Promise<TransactionResult[]> {
    return this.#sender.send(multi(this.#parts), this.#parts, options);
  }
}

const writeReadPart: Operation<unknown>['write'] = (output, request) => {
  output.writeString(request.serverPath);
  output.writeBoolean(false);
};
const getDataPart: Operation<void> = {
  type: OpCode.getData,
  name: 'getData',
  write: writeReadPart,
  read: none,
};
const getChildrenPart: Operation<void> = {
  type: OpCode.getChildren,
  name: 'getChildren',
  write: writeReadPart,
  read: none,
};

/** Several reads in one request (servers from 3.6 on). Each result is an answer or an error of its own. */
export class MultiRead {
  readonly #sender: Sender;
  readonly #parts: Request[] = [];

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  getData(path: string): this {
    this.#parts.push(this.#sender.part(getDataPart, path, -1));
    return this;
  }

  getChildren(path: string): this {
    this.#parts.push(this.#sender.part(getChildrenPart, path, -1));
    return this;
  }

  commit(options: CallOptions = {}): Promise<ReadResult[]> {
    return this.#sender.send(multiRead(this.#parts), this.#parts, options);
  }
}

/** A field of a request, checked; an entry of the decoder's tables. Connections share it, so nothing changes it. */
import { isBlank } from '../../http/headers.ts'
import { ENTRY_OVERHEAD } from './dynamic-table.ts'
import type { FieldName } from './field-names.ts'

export class Field {
  readonly name: FieldName
  readonly value: string
  /** Name and value are as RFC9113§8.2.1 wants them. */
  readonly isValid: boolean
  readonly size: number

  /** `hasForbidden`: the value has a character that no value may have. */
  constructor(name: FieldName, value: string, hasForbidden: boolean) {
    const { length } = value
    this.name = name
    this.value = value
    this.isValid =
      name.isValid &&
      !hasForbidden &&
      (length === 0 || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(length - 1))))
    this.size = name.name.length + length + ENTRY_OVERHEAD
  }
}

# SPDX-License-Identifier: Apache-2.0
# FerretDB 1.24 asks for a document by `->'$._id'`, and its unique index is on `->"_id"`: SQLite sees two expressions, uses
# no index, and each look-up walks the collection. MongoDB's use its index; with the same expression this one's do too.
s/\(IDColumn = DefaultColumn + \)"->'$\._id'"/\1"->'_id'"/

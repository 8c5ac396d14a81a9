"""The official masters of codes (診療報酬情報提供サービス): read, kept in the workspace, looked up.

The masters' terms forbid altering and passing them on, so none is shipped: the user imports what he
downloaded, and until then the product runs on its own typed core of codes. No person is in a master,
so the store is plain Parquet.
"""

"""The playbook language: loader, compiler, graph, schema. Pure: text in, a frozen machine out."""

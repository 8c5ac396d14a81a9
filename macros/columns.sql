{# Lists of columns that several relations share, as they are selected and joined by. #}

{# `names` of a relation, one after the other. #}
{% macro columns_of(relation, names) -%}
{% for name in names %}{{ relation }}.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# The condition that two relations are equal in `names`. #}
{% macro same_in(one, other, names) -%}
{% for name in names %}{{ one }}.{{ name }} = {{ other }}.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

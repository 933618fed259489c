/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_compat.h - the one place that knows which libdwarf there is: Debian 12's 20210528, or 0.9 and 2.x.
 *
 * All calls that are used have the same name and arguments in each of them but for those below. The headers moved
 * from <libdwarf/...> to <libdwarf-0/...> and <libdwarf-2/...>; CMake finds the folder.
 */
#ifndef AD_SYMBOL_DWARF_COMPAT_H
#define AD_SYMBOL_DWARF_COMPAT_H

#if __has_include(<libdwarf.h>)
#include <dwarf.h>
#include <libdwarf.h>
#else
#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#endif

#ifdef DW_LIBDWARF_VERSION_MAJOR /* 0.1 and newer */

#define AD_DWARF_OBJECT_SIZES 1 /* sections have flags, the object has a size */
typedef Dwarf_Obj_Access_Interface_a ad_dwarf_interface;
typedef Dwarf_Obj_Access_Methods_a ad_dwarf_methods;
typedef Dwarf_Obj_Access_Section_a ad_dwarf_section_info;
typedef Dwarf_Unsigned ad_dwarf_section_index;
typedef Dwarf_Small ad_dwarf_byte_order;
#define AD_DWARF_LITTLE DW_END_little
#define AD_INTERFACE(field) ai_##field
#define AD_METHOD(field) om_##field
#define AD_SECTION(field) as_##field
#define AD_DWARF_FINISH(debug) dwarf_object_finish(debug)

#else

typedef Dwarf_Obj_Access_Interface ad_dwarf_interface;
typedef Dwarf_Obj_Access_Methods ad_dwarf_methods;
typedef Dwarf_Obj_Access_Section ad_dwarf_section_info;
typedef Dwarf_Half ad_dwarf_section_index;
typedef Dwarf_Endianness ad_dwarf_byte_order;
#define AD_DWARF_LITTLE DW_OBJECT_LSB
#define AD_INTERFACE(field) field
#define AD_METHOD(field) field
#define AD_SECTION(field) field
#define AD_DWARF_FINISH(debug) dwarf_object_finish(debug, NULL)

#endif

#endif
